/**
 * The search engine as a port. Engines: clickhouse/ (embedded) and opensearch/. A tenant is part of every question and
 * is bound by the engine itself: no caller can forget it. Times are epoch milliseconds, ranges are [from, to).
 */
import type { AnsweredEvent } from '../event/event.ts';
import type { FieldRef, OwnField, QueryNode } from '../query/ast.ts';

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
  context(question: Question & { readonly id: string; readonly before: number; readonly after: number }): Promise<
    | {
        readonly before: readonly AnsweredEvent[];
        readonly event: AnsweredEvent;
        readonly after: readonly AnsweredEvent[];
      }
    | undefined
  >;
  /** Epoch ms (about `received`): every event received before this is visible. */
  completeToMs(): number;
}
