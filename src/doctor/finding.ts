/** What a check says of one thing that it looked at. */
export type Finding =
  | { readonly state: 'well' | 'unknown'; readonly found: string }
  | { readonly state: 'warning' | 'wrong'; readonly found: string; readonly mend: string };

export type FindingState = Finding['state'];

export const well = (found: string): Finding => ({ state: 'well', found });

/** It cannot be known here: no verdict. */
export const unknown = (found: string): Finding => ({ state: 'unknown', found });

/** It works, and may not when things get worse. `mend`: a command, or the option to change. */
export const warning = (found: string, mend: string): Finding => ({ state: 'warning', found, mend });

/** It does not work, or what was promised does not hold. */
export const wrong = (found: string, mend: string): Finding => ({ state: 'wrong', found, mend });

/** Thrown where a check has nobody to ask: another one says why. */
export class NotAsked extends Error {}

/** Thrown by `within`. */
export class TooLate extends Error {}

/** Rejects with TooLate where the work has not ended by then; the work itself is not ended by it. */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new TooLate(`${what} within ${ms / 1_000} s`)), ms);
  work.catch(() => {});
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
