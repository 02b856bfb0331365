/**
 * How an event lies in an index: docs/engines/opensearch.md has it with examples. The fields are fixed, so that no event
 * makes the mapping grow but within a cap:
 *
 * - `e` is the event as stored. It is kept in `_source` and not looked into; nothing else is kept there.
 * - `m` has the tokens of the message, one value each: our own analysis, so it is the frozen one. `keyword` as analyser
 *   and no gap between values give consecutive positions.
 * - `t` has every value of the event behind the name of its field (names.ts): whatever a query asks of one value of any
 *   field is a question about a span of these terms.
 * - `f` says which fields there are, of which type; it is what `_exists_` and the list of fields read.
 * - `v` has values by type and path, for what needs columns: ranges of numbers, sums and groups. New paths get a field
 *   until OPENSEARCH_LIMITS.typedFields; numbers of further ones are terms that sort like numbers, and counts by them are
 *   refused.
 * - `tenant`, times, the id as one text that sorts by its numbers (`o`), and where in the queue the record stood.
 */
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';

export const FIELD = {
  event: 'e',
  tokens: 'm',
  terms: 't',
  fields: 'f',
  values: 'v',
  tenant: 'tenant',
  timestamp: 'timestamp',
  received: 'received',
  order: 'o',
  queue: 'q',
  offset: 'qo',
} as const;

/** Types of the fields below `v`: one value, or several. */
export const VALUE_TYPES = ['string', 'number', 'boolean', 'strings', 'numbers', 'booleans'] as const;
export type ValueType = (typeof VALUE_TYPES)[number];

const COLUMN = { index: false, doc_values: true } as const;

/** Numbers are looked up in ranges; the others are only counted. */
export const VALUE_MAPPINGS: Readonly<Record<ValueType, Readonly<Record<string, unknown>>>> = {
  string: { type: 'keyword', ...COLUMN },
  strings: { type: 'keyword', ...COLUMN },
  number: { type: 'double' },
  numbers: { type: 'double' },
  boolean: { type: 'boolean', index: false },
  booleans: { type: 'boolean', index: false },
};

/** Columns of the event's own members, as names.ts calls them; `id` is read from `o`, times are fields themselves. */
export const OWN_COLUMNS = {
  type: ['string', 'o/type'],
  source: ['string', 'o/source'],
  tenant: ['string', 'o/tenant'],
  level: ['string', 'o/level'],
  tags: ['strings', 'o/tags'],
} as const satisfies Readonly<Record<string, readonly [ValueType, string]>>;

function ownColumns(of: ValueType): Readonly<Record<string, unknown>> {
  const columns = Object.values(OWN_COLUMNS).filter(([type]) => type === of);
  return Object.fromEntries(columns.map(([type, name]) => [name, VALUE_MAPPINGS[type]]));
}

const MAPPINGS = {
  dynamic: false,
  _source: { includes: [FIELD.event] },
  properties: {
    [FIELD.event]: { type: 'object', enabled: false },
    [FIELD.tokens]: { type: 'text', analyzer: 'keyword', position_increment_gap: 0, norms: false },
    [FIELD.terms]: { type: 'keyword', norms: false, doc_values: false },
    [FIELD.fields]: { type: 'keyword', norms: false },
    [FIELD.values]: {
      properties: Object.fromEntries(
        VALUE_TYPES.map((type) => [type, { type: 'object', properties: ownColumns(type) }]),
      ),
    },
    [FIELD.tenant]: { type: 'keyword', norms: false },
    [FIELD.timestamp]: { type: 'long' },
    [FIELD.received]: { type: 'long' },
    [FIELD.order]: { type: 'keyword', ...COLUMN },
    [FIELD.queue]: { type: 'keyword', norms: false },
    [FIELD.offset]: { type: 'long' },
  },
} as const;

/** Fields that are there from the start, objects counted. */
const FIXED_FIELDS = Object.keys(MAPPINGS.properties).length + VALUE_TYPES.length + Object.keys(OWN_COLUMNS).length;

/** The store counts for itself; several stores may each add what the others have not seen yet. */
const SPARE_FIELDS = 200;

export interface IndexOptions {
  readonly prefix: string;
  readonly shards: number;
  readonly replicas: number;
}

/** What all slices are made from; their alias is what questions are asked of. */
export function indexTemplate(options: IndexOptions): Readonly<Record<string, unknown>> {
  return {
    index_patterns: [allSlices(options.prefix)],
    priority: 500,
    template: {
      settings: {
        'index.number_of_shards': options.shards,
        'index.number_of_replicas': options.replicas,
        'index.codec': 'best_compression',
        // An insert refreshes what it wrote before it counts as visible.
        'index.refresh_interval': '-1',
        'index.max_regex_length': OPENSEARCH_LIMITS.regexpChars,
        'index.mapping.total_fields.limit': FIXED_FIELDS + OPENSEARCH_LIMITS.typedFields + SPARE_FIELDS,
      },
      mappings: MAPPINGS,
      aliases: { [aliasOf(options.prefix)]: {} },
    },
  };
}

export function aliasOf(prefix: string): string {
  return `${prefix}-events`;
}

function slicePrefix(prefix: string): string {
  return `${prefix}-slice-`;
}

/** A pattern of the names of all slices. */
export function allSlices(prefix: string): string {
  return `${slicePrefix(prefix)}*`;
}

const DAY_MS = 86_400_000;

/** Such as `spillway-slice-30d-2026-11-25`. */
export function sliceIndex(prefix: string, retentionDays: number, day: number): string {
  const [date = ''] = new Date(day * DAY_MS).toISOString().split('T');
  return `${slicePrefix(prefix)}${retentionDays}d-${date}`;
}

/** The alias by which a slice is written: it goes with its index, so that nothing is written to one made by accident. */
export function writeAlias(index: string): string {
  return `${index}-write`;
}

/** Undefined for the name of an index that is no slice. */
export function parseSliceIndex(prefix: string, index: string): { retentionDays: number; day: number } | undefined {
  if (!index.startsWith(slicePrefix(prefix))) return undefined;
  const match = /^(\d+)d-(\+?\d+-\d\d-\d\d)$/.exec(index.slice(slicePrefix(prefix).length));
  const time = Date.parse(`${match?.[2]}T00:00:00Z`);
  return match === null || Number.isNaN(time)
    ? undefined
    : { retentionDays: Number(match[1]), day: Math.round(time / DAY_MS) };
}
