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

const PRODUCER_EPOCH_AT = 51;
const BASE_SEQUENCE_AT = 53;

/** Without what a producer of Kafka has filled in. */
export function plainCopy(batch: Buffer): Buffer {
  const copy = Buffer.from(batch);
  copy.writeInt16BE(-1, PRODUCER_EPOCH_AT);
  copy.writeInt32BE(-1, BASE_SEQUENCE_AT);
  return copy;
}
