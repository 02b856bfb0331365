/**
 * The progress marker: the last record of every batch that the processor appends to `events`. It makes input position
 * and output one atomic write, so a processor may die at any moment: its successor reads the last marker and goes on.
 * Its key is PROGRESS_KEY (events have no key) and its value is `Progress` as JSON.
 */
import { SpillwayError } from '../lib/errors.ts';
import { RecordCursor } from './record-batch.ts';

export const PROGRESS_KEY = 'progress';
const KEY_BYTES = Buffer.from(PROGRESS_KEY);

/** How many records of one tenant and one minute of receipt ended in which way. */
export interface LedgerEntry {
  readonly tenant: string;
  /** Epoch minutes of `received`: floor(ms / 60000). */
  readonly minute: number;
  /** Records taken from `raw`. */
  readonly taken: number;
  /** Events in this batch. */
  readonly out: number;
  /** Taken by a rule, by the rule's name. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly deadLettered: number;
}

/** How far of a partition of `raw` something has come. */
export interface RawPosition {
  /** The next offset. */
  readonly rawOffset: number;
  /** The newest time of receipt, epoch ms, among the records up to there; 0 when there was none. */
  readonly receivedTo: number;
}

/** One tenant's records, which are processed behind those of the others. */
export interface LaneProgress extends RawPosition {
  readonly tenant: string;
}

/** Where the tenants without a lane of their own have come, while others have one. */
export interface Ahead extends RawPosition {
  readonly lanes: readonly LaneProgress[];
}

export interface Progress {
  /** 2 where it has `ahead`, so that a program which does not know that refuses it instead of doing records twice. */
  readonly version: 1 | 2;
  /** The next offset of the same partition of `raw`: everything before it is done, whosever it is. */
  readonly rawOffset: number;
  /** The newest time of receipt, epoch ms, among the records up to rawOffset; 0 when there was none. */
  readonly receivedTo: number;
  /** One entry per (tenant, minute) of this batch. */
  readonly ledger: readonly LedgerEntry[];
  /** What stages hold back (multi-line, windows), by stage name. */
  readonly held?: Readonly<Record<string, unknown>>;
  /**
   * Where the partition of `dead-letter` that belongs to this partition of `raw` ended when this batch was made: the
   * letters of records from rawOffset on are at or after it, so a successor looks no further back for those that are
   * there already.
   */
  readonly letterOffset?: number;
  /** The same of the partition that one processor had for all of `raw`: in markers of earlier versions. */
  readonly deadLetterOffset?: number;
  /**
   * Records from rawOffset on that are done as well: of a tenant with a lane those before its position, of all others
   * those before this one. No lane is past it, and rawOffset is the smallest of all.
   */
  readonly ahead?: Ahead;
}

export function encodeProgress(progress: Progress): Buffer {
  return Buffer.from(JSON.stringify(progress));
}

/** Throws QUEUE_CORRUPT where the bytes are not a marker of a version known here. */
export function decodeProgress(bytes: Uint8Array): Progress {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const progress: Progress = JSON.parse(text);
  if (
    ![1, 2].includes(progress.version) ||
    !Number.isSafeInteger(progress.rawOffset) ||
    !Array.isArray(progress.ledger)
  ) {
    throw new SpillwayError(
      'QUEUE_CORRUPT',
      `A progress marker of \`events\` is not of a version known here: ${text.slice(0, 200)}`,
    );
  }
  return progress;
}

/** Whether the record that the cursor stands on is a progress marker (and so no event). */
export function isProgress(cursor: RecordCursor): boolean {
  const length = cursor.keyEnd - cursor.keyStart;
  if (cursor.keyStart < 0 || length !== KEY_BYTES.length) return false;
  return KEY_BYTES.compare(cursor.bytes, cursor.keyStart, cursor.keyEnd) === 0;
}

/** Two markers of one partition in the order of their batches: the later position, the ledger entries of both. */
export function foldProgress(earlier: Progress | undefined, later: Progress): Progress {
  if (earlier === undefined) return later;
  return {
    ...later,
    receivedTo: Math.max(earlier.receivedTo, later.receivedTo),
    ledger: [...earlier.ledger, ...later.ledger],
  };
}

/** The progress markers of one batch of `events`, of those before an offset, folded; undefined where it holds none. */
export function readProgress(batch: Buffer, before = Number.POSITIVE_INFINITY): Progress | undefined {
  let folded: Progress | undefined;
  const cursor = new RecordCursor(batch);
  while (cursor.next() && cursor.offset < before) {
    if (isProgress(cursor)) folded = foldProgress(folded, decodeProgress(cursor.value()));
  }
  return folded;
}
