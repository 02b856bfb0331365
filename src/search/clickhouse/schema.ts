/**
 * The table of events in the embedded engine, and how the members of an event are written in SQL. The reasons behind
 * columns, codecs, ordering key and text index are measurements: docs/decisions/2026-11-23-search-store-schema.md.
 *
 * - Times are Int64 epoch milliseconds: DateTime64 ends in 2299 and events come from 1970 and 9999 too.
 * - An id is stored as the numbers it is made of, so that events with equal times sort by origin. What follows from
 *   other columns is stored as the difference to them, which takes next to nothing: DERIVED_COLUMNS gives it back.
 * - `metadata` and `payload` are JSON columns: each path is a column of its own in every part, and of each type that it
 *   has there, so that a field which is a number here and text there loses neither. A path holds only the types of
 *   JSON_TYPES: every number is a Float64 (which holds integers up to 2^53, the normaliser's bound).
 * - An absent text is '' (level, layout, original, exact); `messageless` tells an absent message from an empty one.
 */
import { STORE_LIMITS } from '../../lib/limits.ts';
import type { FieldRef, OwnField } from '../../query/ast.ts';

export const EVENTS_TABLE = 'events';

/** Times lie within ± this: the largest of JavaScript's Date, epoch ms. */
export const MAX_TIME_MS = 8.64e15;

interface Column {
  readonly name: string;
  /** As it comes in a block of an insert. */
  readonly type: string;
  /** As it is stored, where that differs, with its codec. */
  readonly stored: string;
}

const COUNTER = 'CODEC(Delta, ZSTD(1))';
/** Every question reads the time of every row in its range: LZ4 unpacks it in a quarter of the time. */
const TIME = 'CODEC(T64, LZ4)';
/** Of several partitions side by side: their differences are larger than their span. */
const MIXED_COUNTER = 'CODEC(T64, ZSTD(1))';
const TEXT = 'CODEC(ZSTD(3))';
/** Payloads are mostly ids and numbers, which a higher level makes no smaller. */
const PAYLOAD = 'CODEC(ZSTD(1))';
const WORD = 'LowCardinality(String) CODEC(ZSTD(1))';

/** Paths of each JSON column that are columns of their own in a part; further ones share one. */
const DYNAMIC_PATHS = 256;
const JSON_COLUMN = `JSON(max_dynamic_paths=${DYNAMIC_PATHS})`;
/** A row of a page costs a block of each path, and most paths take few bytes a row. */
const SMALL_BLOCKS = 'SETTINGS (min_compress_block_size = 8192, max_compress_block_size = 65536)';

/** In the order in which a block of an insert carries them. */
export const EVENT_COLUMNS = [
  { name: 'retention_days', type: 'UInt16', stored: 'UInt16' },
  { name: 'slice_day', type: 'UInt32', stored: 'UInt32' },
  { name: 'queue_partition', type: 'UInt16', stored: 'UInt16 CODEC(ZSTD(1))' },
  { name: 'queue_offset', type: 'Int64', stored: `Int64 ${MIXED_COUNTER}` },
  { name: 'tenant', type: 'String', stored: WORD },
  { name: 'timestamp', type: 'Int64', stored: `Int64 ${TIME}` },
  { name: 'delay', type: 'Int64', stored: `Int64 ${COUNTER}` },
  { name: 'id_site', type: 'String', stored: WORD },
  { name: 'id_topic', type: 'String', stored: WORD },
  { name: 'id_shift', type: 'Int32', stored: 'Int32 CODEC(ZSTD(1))' },
  { name: 'id_lag', type: 'Int64', stored: 'Int64 CODEC(ZSTD(1))' },
  { name: 'id_index', type: 'UInt64', stored: 'UInt64 CODEC(ZSTD(1))' },
  { name: 'type', type: 'String', stored: WORD },
  { name: 'source', type: 'String', stored: WORD },
  { name: 'level', type: 'String', stored: WORD },
  { name: 'messageless', type: 'UInt8', stored: 'UInt8' },
  { name: 'message', type: 'String', stored: `String ${TEXT}` },
  { name: 'tags', type: 'Array(String)', stored: `Array(LowCardinality(String)) ${TEXT}` },
  { name: 'metadata', type: JSON_COLUMN, stored: `${JSON_COLUMN} ${TEXT} ${SMALL_BLOCKS}` },
  { name: 'payload', type: JSON_COLUMN, stored: `${JSON_COLUMN} ${PAYLOAD} ${SMALL_BLOCKS}` },
  { name: 'layout', type: 'String', stored: WORD },
  { name: 'original', type: 'String', stored: `String ${TEXT}` },
  { name: 'exact', type: 'String', stored: `String ${TEXT}` },
] as const satisfies readonly Column[];

/** Columns to read like others. Arithmetic is modulo 2^64, so a UUID's halves fit too. */
export const DERIVED_COLUMNS = [
  { name: 'received', type: 'Int64', from: 'timestamp + delay' },
  { name: 'id_partition', type: 'UInt16', from: 'toUInt16(queue_partition + id_shift)' },
  { name: 'id_offset', type: 'UInt64', from: 'toUInt64(queue_offset - id_lag)' },
] as const;

export type EventColumn = (typeof EVENT_COLUMNS | typeof DERIVED_COLUMNS)[number]['name'];

/** What sorts events: by time, then by origin. The table itself is sorted by (tenant, timestamp). */
export const ORDER_COLUMNS = ['timestamp', 'id_site', 'id_topic', 'id_partition', 'id_offset', 'id_index'] as const;

/**
 * The text analysis in SQL. The index is on this very expression, not on `message` with a preprocessor: the engine
 * applies a preprocessor only where it reads the index, so that the same function gave another answer in countIf().
 */
export const MESSAGE_TOKENS = 'lowerUTF8(message)';

/**
 * Types that a path of a JSON column may have; `Array(JSON)` holds objects. A `word` is a text too: one of a path that
 * has few different ones (native/path-texts.ts).
 */
export const JSON_TYPES = {
  string: 'String',
  word: 'LowCardinality(String)',
  number: 'Float64',
  boolean: 'Bool',
  strings: 'Array(String)',
  numbers: 'Array(Float64)',
  booleans: 'Array(Bool)',
  objects: `Array(JSON(max_dynamic_types=16, max_dynamic_paths=${DYNAMIC_PATHS / 4}))`,
} as const;
export type JsonType = keyof typeof JSON_TYPES;

/**
 * Binds values: each call returns a placeholder such as `{p3:String}` for the text of the statement; the engine gets
 * the value beside it. An Identifier names a path of keys joined by dots (keys themselves have none).
 */
export interface Binder {
  bind(type: 'String' | 'Float64' | 'Int64' | 'UInt64' | 'UInt32' | 'Bool' | 'Identifier', value: BoundScalar): string;
  bind(
    type: 'Array(String)' | 'Array(UInt32)' | 'Array(UInt64)' | 'Array(Int64)',
    value: readonly (string | number | bigint)[],
  ): string;
}
export type BoundScalar = string | number | bigint | boolean;

/** A column of the event's own; `id` is made of several and has none. */
export const OWN_COLUMNS: Readonly<Record<Exclude<OwnField, 'id'>, EventColumn>> = {
  type: 'type',
  source: 'source',
  tenant: 'tenant',
  timestamp: 'timestamp',
  received: 'received',
  level: 'level',
  message: 'message',
  tags: 'tags',
};

/** The value of a path as one type: NULL (an empty array for arrays) where it is absent or of another type. */
export function jsonValue(field: Exclude<FieldRef, { root: 'own' }>, type: JsonType, binder: Binder): string {
  const path = binder.bind('Identifier', field.path.join('.'));
  return `${field.root}.${path}.:\`${JSON_TYPES[type]}\``;
}

/**
 * Members of the payload that identify one request or trace: an equal search for one reads a Bloom filter of 1.3 bytes
 * a value first. (One over all values of the payload would cost 10 us of CPU an event.)
 */
export const INDEXED_IDS = [
  'request_id',
  'requestId',
  'trace_id',
  'traceId',
  'span_id',
  'spanId',
  'correlation_id',
  'session_id',
] as const;

/** 8,192 rows. */
const GRANULES_PER_INDEX = 8;

const SETTINGS = {
  // Rows of an answer lie far apart, and each costs its whole granule: small ones, each with blocks of its own.
  index_granularity: 1024,
  min_compress_block_size: 32 * 1024,
  max_compress_block_size: 128 * 1024,
  // A text's length stands before it, not in a column of eight bytes a value: a third less to read and unpack.
  string_serialization_version: "'single_stream'",
  // What an insert makes is one file and few syncs; merges make the parts with a file a column, which questions want.
  // The bytes are those before compression: 160,000 rows of 420 bytes, more than an insert has.
  min_bytes_for_wide_part: 64 * 1024 * 1024,
  // Fewer and larger merges: each row is merged about a third less often than by default, and there are more parts.
  merge_selector_base: 10,
  // What paths without a column of their own share. The default for large parts keeps an index by path: 240 events that
  // bring a thousand new keys each took merges past the memory limit with it.
  object_shared_data_serialization_version: "'map_with_buckets'",
  // A row that is committed is on the disk: parts, their folders, and what merges make of them.
  fsync_after_insert: 1,
  fsync_part_directory: 1,
  min_rows_to_fsync_after_merge: 1,
  // The engine does not sync the text index of a merged part: until we have (merged-parts.ts), what it was made of stays.
  old_parts_lifetime: STORE_LIMITS.mergedPartsLifetimeS,
} as const;

export function createEventsTable(): string {
  const columns = EVENT_COLUMNS.map(({ name, stored }) => `\`${name}\` ${stored}`);
  const settings = Object.entries(SETTINGS).map(([name, value]) => `${name} = ${value}`);
  const derived = DERIVED_COLUMNS.map(({ name, type, from }) => `\`${name}\` ${type} ALIAS ${from}`);
  const indexes = [
    `INDEX message_tokens ${MESSAGE_TOKENS} TYPE text(tokenizer = 'splitByNonAlpha', posting_list_codec = 'bitpacking')`,
    `INDEX queue_offsets queue_offset TYPE minmax GRANULARITY ${GRANULES_PER_INDEX}`,
    `INDEX id_offsets id_offset TYPE minmax GRANULARITY ${GRANULES_PER_INDEX}`,
    ...INDEXED_IDS.map(
      (name) =>
        `INDEX payload_${name} payload.${name}.:String TYPE bloom_filter(0.01) GRANULARITY ${GRANULES_PER_INDEX}`,
    ),
  ];
  return `CREATE TABLE IF NOT EXISTS ${EVENTS_TABLE} (
  ${[...columns, ...derived].join(',\n  ')},
  ${indexes.join(',\n  ')}
) ENGINE = MergeTree
PARTITION BY (retention_days, slice_day)
ORDER BY (tenant, timestamp)
SETTINGS ${settings.join(', ')}`;
}

/** The structure of the blocks of an insert. */
export const INSERT_STRUCTURE = EVENT_COLUMNS.map(({ name, type }) => `\`${name}\` ${type}`).join(', ');
