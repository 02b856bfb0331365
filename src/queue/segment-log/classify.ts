/** Tells a torn tail from corruption (see scan.ts for the reasoning). */
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import type { DurablePoint } from './durable-point.ts';
import { type BadRange, RECORD_MIN_BYTES, type Scan } from './scan.ts';

export interface Classified {
  /** Had been durable: never cut. */
  readonly corrupt: readonly BadRange[];
  /** From here on the segment is to be cut. */
  readonly tornFrom: number | undefined;
  /** What the next record may get: never an offset that a reader may have seen. */
  readonly nextOffset: number;
}

/** `durable`: what the writer said about this very segment, if it did. */
export function classify(scan: Scan, durable: DurablePoint | undefined): Classified {
  // A group is not larger than a batch may be, and only the last one can be torn.
  const lastGroupFrom = scan.sizeBytes - QUEUE_LIMITS.batchBytes;
  const durableTo = Math.max(scan.lastGroupStart, durable?.position ?? 0, lastGroupFrom);
  const torn = scan.bad.find((range) => range.from >= durableTo);
  const corrupt = scan.bad.filter((range) => range.from < durableTo);
  const readable = torn === undefined ? scan.nextOffset : torn.fromOffset;
  if (durable !== undefined && durable.position > scan.sizeBytes) {
    const { sizeBytes: from, nextOffset: fromOffset } = scan;
    corrupt.push({ from, to: durable.position, fromOffset, nextOffset: durable.nextOffset });
  }
  const last = corrupt.at(-1);
  const lostAtEnd = last !== undefined && last.nextOffset === undefined ? recordsAtMost(last.to - last.from) : 0;
  const cut = torn === undefined ? 0 : recordsAtMost(scan.sizeBytes - torn.from);
  const nextOffset = Math.max(readable + lostAtEnd + cut, durable?.nextOffset ?? 0);
  return { corrupt, tornFrom: torn?.from, nextOffset };
}

function recordsAtMost(bytes: number): number {
  return Math.ceil(bytes / RECORD_MIN_BYTES);
}
