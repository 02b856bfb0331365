/**
 * A dead letter: the whole original bytes of what could not become an event, as records of the topic `dead-letter`
 * with two headers: RAW_META_KEY (who sent it) and DEAD_LETTER_KEY (why it is here). One longer than a record may be
 * is cut into chunks that follow each other, the last one marked. Partitions of the topic: one per writing role.
 */
import type { ErrorCode } from '../lib/errors.ts';

export const DEAD_LETTER_KEY = 'dead';

export const DEAD_LETTER_PARTITIONS = { collector: 0, processor: 1, store: 2 } as const;

export interface DeadLetterReason {
  readonly code: ErrorCode;
  /** What happened and where. */
  readonly reason: string;
  /** Printed origin of the record, where it has one; made by whoever writes the dead letter otherwise. */
  readonly origin: string;
  /** Number of this chunk from 0, and whether it is the last one. */
  readonly chunk: number;
  readonly last: boolean;
  /** Bytes beyond COLLECT_LIMITS.oversizedBytes that were counted and thrown away. */
  readonly discardedBytes?: number;
}

export function encodeDeadLetterReason(reason: DeadLetterReason): Buffer {
  return Buffer.from(JSON.stringify(reason));
}

export function decodeDeadLetterReason(bytes: Uint8Array): DeadLetterReason {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
}
