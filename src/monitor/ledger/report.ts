/**
 * What process trees tell each other of the ledger, as records of a topic of its own. A report says what ranges of
 * offsets of one log count. Now and then somebody writes the state of the whole, as of an offset of the topic; what is
 * before that offset is needed no more. It is a function of what is before, so any tree may write it, also a late one.
 */
import { RecordCursor } from '../../event/record-batch.ts';
import type { WrittenRow } from './rows.ts';

export interface Report {
  readonly version: 1;
  /** A counted log, such as `accepted/0`. */
  readonly log: string;
  /** Where each range begins and ends, ascending. */
  readonly ranges: readonly number[];
  readonly rows: readonly WrittenRow[];
  /** Nobody can count these ranges: they were removed, and what was received before (epoch ms) was among them. */
  readonly goneBeforeMs?: number;
}

/** Of a log whose ranges nobody could count. */
export interface Gone {
  readonly offsets: number;
  readonly beforeMs: number;
}

export interface SnapshotPart {
  readonly version: 1;
  /** Of this snapshot; never given twice. */
  readonly snapshot: string;
  /** The state before this offset of the topic. */
  readonly at: number;
  readonly part: number;
  readonly parts: number;
  /** The bounds of what was counted of each log. */
  readonly counted: Readonly<Record<string, readonly number[]>>;
  readonly gone: Readonly<Record<string, Gone>>;
  readonly rows: readonly WrittenRow[];
}

export type LedgerRecord = Report | SnapshotPart;

export const isSnapshot = (record: LedgerRecord): record is SnapshotPart => 'snapshot' in record;

export interface PlacedRecord {
  readonly offset: number;
  /** Undefined for one that a newer version has written, or somebody else. */
  readonly record: LedgerRecord | undefined;
}

export function readRecords(batch: Buffer): PlacedRecord[] {
  const found: PlacedRecord[] = [];
  const records = new RecordCursor(batch);
  while (records.next()) found.push({ offset: records.offset, record: parse(records.value()) });
  return found;
}

function parse(bytes: Buffer): LedgerRecord | undefined {
  try {
    const record: LedgerRecord = JSON.parse(bytes.toString('utf8'));
    return record.version === 1 && Array.isArray(record.rows) ? record : undefined;
  } catch {
    return undefined;
  }
}
