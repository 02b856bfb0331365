/** Work that somebody waits for, with an end to the waiting: the work itself goes on. */
import { SpillwayError } from '../lib/errors.ts';

/** Rejects with UNAVAILABLE, saying `what`, where the work takes longer. */
export async function inTime<T>(work: Promise<T>, waitMs: number, what: string, retryAfterS: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SpillwayError('UNAVAILABLE', what, { retryAfterS })), waitMs);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

export const KEYS_UNKNOWN = 'The Idempotency-Keys of before the start are still being read back; send this again.';

export const notDurableYet = (waitMs: number): string =>
  `This was not durable within ${waitMs / 1_000} s, and may become so: a retry is safe with an Idempotency-Key.`;
