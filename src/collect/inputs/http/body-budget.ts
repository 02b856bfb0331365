/** What the bodies of all requests under way may take of memory. */
import { SpillwayError } from '../../../lib/errors.ts';

const BUSY_RETRY_S = 1;

/** Memory of the bodies under way. */
export class BodyBudget {
  readonly limitBytes: number;
  readonly #onChange: (usedBytes: number) => void;
  #usedBytes = 0;

  constructor(onChange: (usedBytes: number) => void, limitBytes: number) {
    this.limitBytes = limitBytes;
    this.#onChange = onChange;
  }

  open(): BodyShare {
    let heldBytes = 0;
    const change = (bytes: number): void => {
      heldBytes += bytes;
      this.#usedBytes += bytes;
      this.#onChange(this.#usedBytes);
    };
    return {
      take: (bytes) => {
        if (this.#usedBytes + bytes > this.limitBytes) {
          throw new SpillwayError(
            'TOO_MANY_REQUESTS',
            `The bodies of the requests under way have ${this.limitBytes} bytes together; send this one again.`,
            { retryAfterS: BUSY_RETRY_S },
          );
        }
        change(bytes);
      },
      giveBack: (bytes) => change(-bytes),
      close: () => change(-heldBytes),
    };
  }
}

/** What one body holds of the budget. */
export interface BodyShare {
  /** Throws TOO_MANY_REQUESTS. */
  take(bytes: number): void;
  giveBack(bytes: number): void;
  /** Gives back all of it. */
  close(): void;
}

/**
 * The pieces of a body, which are counted, as one. Where there are several the body is held twice while they are put
 * together, and counted so. Throws TOO_MANY_REQUESTS.
 */
export function joinPieces(pieces: readonly Buffer[], bytes: number, share: BodyShare): Buffer {
  const [first] = pieces;
  if (pieces.length === 1 && first !== undefined) return first;
  share.take(bytes);
  const whole = Buffer.concat(pieces, bytes);
  share.giveBack(bytes);
  return whole;
}

export const bodyTooLarge = (what: string): SpillwayError =>
  new SpillwayError('BODY_TOO_LARGE', `${what}; send several smaller ones.`);
