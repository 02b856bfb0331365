/** A batch that was handed to the queue's writer and is not acknowledged. */
import type { Appended } from '../port.ts';

export interface Flight {
  readonly bytes: Buffer;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (reason: unknown) => void;
  /** Whether the queue has it, once that is known. */
  readonly landed: Promise<boolean>;
  /** As it is in the log on this machine, where it is put there meanwhile. */
  copy?: Buffer;
  /** Where it is in that log; undefined where that did not take it. */
  kept?: Promise<Appended | undefined>;
}
