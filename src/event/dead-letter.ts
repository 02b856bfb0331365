/**
 * A dead letter: the whole original bytes of what could not become an event, as records of the topic `dead-letter`
 * with two headers: RAW_META_KEY (who sent it) and DEAD_LETTER_KEY (why it is here). One longer than a record may be
 * is cut into chunks that follow each other, the last one marked.
 *
 * Each partition of the topic has one writer: the first is the collectors' (on Kafka all of them append to it), and each
 * partition of `raw` and of `events` has one of its own, which belongs to whoever has that partition and moves with it.
 */
import type { ErrorCode } from '../lib/errors.ts';

export const DEAD_LETTER_KEY = 'dead';

const COLLECTORS = 0;
/** Until 2026-11-26 the processor and the store had one each: nothing is written there, what is there is read. */
export const EARLIER_DEAD_LETTERS = { processor: 1, store: 2 } as const;
const FIRST_OF_PARTITIONS = 3;

export const deadLetterPartition = {
  collectors: COLLECTORS,
  /** Of records of this partition of `raw` that no stage can handle. */
  processing: (partition: number): number => FIRST_OF_PARTITIONS + 2 * partition,
  /** Of records of this partition of `events` that the search engine refuses. */
  storing: (partition: number): number => FIRST_OF_PARTITIONS + 2 * partition + 1,
} as const;

/** How many partitions the topic has where `raw` has so many. */
export const deadLetterPartitions = (raw: number): number => FIRST_OF_PARTITIONS + 2 * raw;

export interface DeadLetterReason {
  readonly code: ErrorCode;
  /** What happened and where. */
  readonly reason: string;
  /** Printed origin of the record, where it has one; made by whoever writes the dead letter otherwise. */
  readonly origin: string;
  /** Number of this chunk from 0, and whether it is the last one. */
  readonly chunk: number;
  readonly last: boolean;
  /** The store's: the offset of the record of `events`. */
  readonly record?: number;
  /** The store's: letters of later records may have been written before. */
  readonly late?: true;
  /** Bytes beyond COLLECT_LIMITS.oversizedBytes that were counted and thrown away. */
  readonly discardedBytes?: number;
}

export function encodeDeadLetterReason(reason: DeadLetterReason): Buffer {
  return Buffer.from(JSON.stringify(reason));
}

export function decodeDeadLetterReason(bytes: Uint8Array): DeadLetterReason {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
}
