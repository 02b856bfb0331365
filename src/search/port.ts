/**
 * The search engine as a port: what reads of it (SearchReader) and what writes to it (SearchWriter). Engines: clickhouse/
 * (embedded) and opensearch/. A tenant is part of every question and
 * is bound by the engine itself: no caller can forget it. Times are epoch milliseconds, ranges are [from, to).
 */
import type { AnsweredEvent } from '../event/event.ts';
import type { FieldRef, OwnField, QueryNode } from '../query/ast.ts';
import type { Extent } from './extent.ts';
import type { Range, StoreJournal } from './journal.ts';
import type { PathType } from './path-types.ts';
import type { Decision, SlicePolicy } from './policy/slice-policy.ts';
import type { Volume } from './policy/volumes.ts';
import type { SliceKey } from './slices.ts';

export interface Question {
  readonly tenant: string;
  readonly query: QueryNode;
  /** About `timestamp`. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Cancels the work in the engine, not only the answer. */
  readonly signal: AbortSignal;
}

/** A place between two events: after (timestamp, id) in the order of the question. */
export interface Cursor {
  readonly timestampMs: number;
  readonly id: string;
}

export interface SearchQuestion extends Question {
  readonly limit: number;
  readonly order: 'asc' | 'desc';
  readonly after?: Cursor;
}

export interface HistogramQuestion extends Question {
  readonly intervalMs: number;
  readonly by?: FieldRef;
}

export interface HistogramBucket {
  readonly timeMs: number;
  readonly count: number;
  /** Counts by value of `by`, the largest ones; `` (empty) stands for events without it. */
  readonly by?: Readonly<Record<string, number>>;
}

export type FieldType = 'string' | 'number' | 'boolean' | 'text' | 'time';

export const OWN_FIELD_TYPES: Readonly<Record<OwnField, FieldType>> = {
  id: 'string',
  type: 'string',
  source: 'string',
  tenant: 'string',
  timestamp: 'time',
  received: 'time',
  level: 'string',
  message: 'text',
  tags: 'string',
};

export interface FieldSummary {
  /** As written in a query: `message`, `app`, `status`, `metadata.procid`, `payload.a.b`. */
  readonly name: string;
  readonly types: readonly FieldType[];
  /** Events that have it, within the question (estimated from a sample where `sampled`). */
  readonly count: number;
}

export interface ValueCount {
  readonly value: string | number | boolean;
  readonly count: number;
}

export const STATS_FUNCTIONS = ['count', 'sum', 'avg', 'min', 'max', 'unique', 'p50', 'p90', 'p95', 'p99'] as const;
export type StatsFunction = (typeof STATS_FUNCTIONS)[number];

export interface StatsQuestion extends Question {
  readonly fn: StatsFunction;
  /** Not for `count`. */
  readonly of?: FieldRef;
  readonly by: readonly FieldRef[];
  readonly intervalMs?: number;
  readonly limit: number;
}

export interface StatsRow {
  readonly by: readonly (string | number | boolean | null)[];
  readonly timeMs?: number;
  readonly value: number | null;
}

/** An event, and how many of its neighbours before and after. */
export interface ContextQuestion extends Question {
  readonly id: string;
  readonly before: number;
  readonly after: number;
}

/** Reads of the store. Every method may throw QUERY_TIMEOUT, QUERY_MEMORY, QUERY_CANCELLED, TOO_MANY_REQUESTS. */
export interface SearchReader {
  search(question: SearchQuestion): Promise<{ readonly events: readonly AnsweredEvent[]; readonly more: boolean }>;
  count(question: Question): Promise<number>;
  histogram(question: HistogramQuestion): Promise<readonly HistogramBucket[]>;
  fields(question: Question): Promise<readonly FieldSummary[]>;
  values(question: Question & { readonly field: FieldRef; readonly limit: number }): Promise<{
    readonly values: readonly ValueCount[];
    /** Events that have the field. */
    readonly total: number;
    /** Distinct values (exact up to the engine's limit, then estimated). */
    readonly distinct: number;
  }>;
  stats(question: StatsQuestion): Promise<readonly StatsRow[]>;
  get(question: {
    readonly tenant: string;
    readonly id: string;
    readonly signal: AbortSignal;
  }): Promise<AnsweredEvent | undefined>;
  /** Neighbours of one event, by time and origin, among those of the same source that match the query. */
  context(question: ContextQuestion): Promise<
    | {
        readonly before: readonly AnsweredEvent[];
        readonly event: AnsweredEvent;
        readonly after: readonly AnsweredEvent[];
      }
    | undefined
  >;
  /**
   * Epoch ms (about `received`): every event received before this is visible; of one tenant, or of everybody, and with a
   * timestamp in [fromMs, toMs), or any.
   */
  completeToMs(tenant?: string, fromMs?: number, toMs?: number): number;
}

/** What a row's place in the store depends on. */
export interface RowFacts {
  readonly tenant: string;
  readonly timestampMs: number;
  readonly receivedMs: number;
}

export interface Placement {
  /** One object for each slice of an insert. */
  readonly slice: SliceKey;
  /** Where the slice is new, it is made as the tier wants it. */
  readonly tier: string;
}

/** A record of `events` that the engine refuses. */
export interface RefusedRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  /** A copy of its own. */
  readonly value: Buffer;
  readonly reason: string;
}

/**
 * Rows of an insert that go to a slice which takes nothing now, while others do: all of that slice and partition, whether or
 * not some of them are stored. They are to be inserted again.
 */
export interface WaitingRows extends Readonly<Extent> {
  readonly slice: SliceKey;
  /** What the engine calls it. */
  readonly where: string;
  readonly partition: number;
  readonly rows: number;
  /** Why, and what can be done about it. */
  readonly reason: string;
}

export interface Inserted {
  /** The engine refuses these alone. */
  readonly refused: readonly RefusedRecord[];
  readonly waiting: readonly WaitingRows[];
}

export interface InsertOptions {
  /** Slices that are known to take nothing: their rows are answered as waiting, and the engine is not asked. */
  readonly skips?: (slice: SliceKey) => boolean;
  /** It is tried whether a slice takes rows again, which must not take long: others wait for the end of this insert. */
  readonly isTrial?: boolean;
}

/** Rows of one insert, in the form that the engine takes. */
export interface WriteBatch {
  /** Frees what it holds. */
  discard(): void;
}

/** Takes the bytes of records, up to what one insert may have. */
export interface WriteBlock {
  readonly rows: number;
  readonly isFull: boolean;
  /**
   * Adds the event in `source[start, end)`, which is the record `offset` of `partition` of `events`, written at
   * `recordMs`; `source` is the caller's again when it returns. `place` says where the row belongs; undefined takes it
   * back. Throws EVENT_REFUSED, and then nothing is left of it.
   */
  add(
    source: Buffer,
    start: number,
    end: number,
    record: { readonly partition: number; readonly offset: number; readonly timestampMs: number },
    place: (facts: RowFacts) => Placement | undefined,
  ): boolean;
  /** Types that stand at paths of the rows, where the engine wants them known before they are visible. */
  pathTypes(): Iterable<PathType>;
  /** The rows, undefined where there are none; the block is empty when it resolves. */
  finish(): Promise<WriteBatch | undefined>;
  clear(): void;
}

/** A slice as it stands in the engine. */
export interface StoredSlice {
  readonly slice: SliceKey;
  /** What the engine calls it: a partition of its table, an index. */
  readonly where: string;
  readonly rows: number;
  readonly bytesOnDisk: number;
}

/** A slice with what an operator asks about it. */
export interface DescribedSlice extends StoredSlice {
  readonly tier: string;
  /** Bounds of the timestamps in it, both inclusive, epoch ms; they may be wider than those of its events. */
  readonly bounds: { readonly fromMs: number; readonly toMs: number } | undefined;
  /** How many tenants have events in it, where the engine knows. */
  readonly tenants: number | undefined;
}

export interface StoredRow {
  readonly offset: number;
  readonly receivedMs: number;
}

/**
 * What one store can ask of rows that another one inserted; `visibleOffsets` finds them as well. What is in slices that
 * cannot be asked now is not found: to insert it again adds nothing.
 */
export interface SharedIndex {
  /** Whether there are any of this partition of `events`, or may be where slices cannot be asked. */
  hasRows(partition: number): Promise<boolean>;
  /** The largest offset of the range that has a row. */
  lastOffset(range: Range): Promise<number | undefined>;
  /** As `visibleOffsets`, but for rows that were inserted just now, which may be left out. */
  foundOffsets(range: Range): Promise<ReadonlySet<number>>;
}

/**
 * Writes to the store, for one caller at a time. What may fail for a while (a full disk, a cluster that is away) is
 * thrown, and the caller tries again; `insert` may have written a part then, which `visibleOffsets` tells.
 */
export interface SearchWriter {
  createBlock(): WriteBlock;
  /**
   * Rows are durable and visible when it resolves, but for those that are answered. Only an engine that has `shared`, and so
   * takes a row that is there already for the same, may answer that rows wait.
   */
  insert(batch: WriteBatch, options?: InsertOptions): Promise<Inserted>;
  /** Ends what is under way, and all that follows fails: where this process ends and an engine may not answer for long. */
  interrupt?(): void;
  /** Whether the engine takes rows at all: tells a batch that is refused from an engine that does not work. */
  works(): Promise<boolean>;
  /** Makes the names of what was inserted durable. */
  settle(): Promise<void>;
  /** Makes rows of the range durable that an earlier process inserted. */
  settleRange(range: Range, slices: readonly SliceKey[]): Promise<void>;
  /** Offsets of the range whose rows are visible, in these slices. */
  visibleOffsets(range: Range, slices: readonly SliceKey[]): Promise<ReadonlySet<number>>;
  /** The row of the largest offset of a partition of `events`: where one store has the index alone. */
  readonly lastRow?: (partition: number) => Promise<StoredRow | undefined>;
  slices(): Promise<readonly StoredSlice[]>;
  dropSlice(slice: SliceKey): Promise<void>;
  /** Where several stores may write to it, each the partitions that it has: those move between them. */
  readonly shared?: SharedIndex;
  /** Begins what the engine needs done from time to time; the answer ends it. */
  maintain(): () => Promise<void>;
}

/** Who has which slices: one policy for all stores of the same engine. */
export interface PolicyLog {
  /** As it was last read. */
  readonly current: SlicePolicy;
  /** Reads what other stores have decided. */
  refresh(): Promise<void>;
  /**
   * Durable when it resolves to true. False where another store has decided something meanwhile, which `current` has
   * then: decide again.
   */
  append(decisions: readonly Decision[]): Promise<boolean>;
  /** What each tenant sends to all stores together, given what it sends to this one: those that may earn something. */
  shareVolumes(own: ReadonlyMap<string, Volume>): Promise<ReadonlyMap<string, Volume>>;
}

export interface SliceReader {
  /** Slices that a question of the tenant about timestamps in [fromMs, toMs) touches, as the engine calls them. */
  touched(tenant: string, fromMs: number, toMs: number): Promise<readonly string[]>;
  /** All of them, oldest first. */
  describe(): Promise<readonly DescribedSlice[]>;
  /** Who has which slices. */
  decisions(): readonly Decision[];
}

export interface SearchEngine extends SearchReader {
  /** What it writes to, for people: the same for all stores that share it, and for nobody else. */
  readonly index: string;
  readonly writer: SearchWriter;
  readonly journal: StoreJournal;
  readonly policy: PolicyLog;
  readonly slices: SliceReader;
  /** Says from where `completeToMs()` comes: the indexer. */
  completeFrom(source: SearchReader['completeToMs']): void;
  close(): Promise<void>;
}
