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
 *   while their tenant may bring one (field-budget.ts); numbers of further ones are terms that sort like numbers, and
 *   counts by them are refused.
 * - `tenant`, times, the id as one text that sorts by its numbers (`o`), and where in the queue the record stood.
 */
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { HOUR_MS, SHARED_GROUP, type SliceKey, sliceSpan } from '../slices.ts';
import { at, textAt } from './json.ts';

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

/** In a slice of one tenant each store counts for itself: several may each add what the others have not seen yet. */
const SPARE_FIELDS = 200;

/** How slices of a tier differ from the others. */
export interface TierStorage {
  readonly shards?: number;
  readonly replicas?: number;
  /** Attributes that a node must have, such as `box: hot`. */
  readonly nodes?: Readonly<Record<string, string>>;
}

export interface IndexOptions {
  readonly prefix: string;
  readonly shards: number;
  readonly replicas: number;
  /** By name of the tier. */
  readonly tiers?: Readonly<Record<string, TierStorage>>;
}

/** What slices of a tier have instead of what the others have. */
function tierSettings({ tiers = {} }: IndexOptions, tier: string): Readonly<Record<string, string | number>> {
  const { shards, replicas, nodes = {} } = (Object.hasOwn(tiers, tier) ? tiers[tier] : undefined) ?? {};
  const required = Object.entries(nodes).map(([name, value]) => [`index.routing.allocation.require.${name}`, value]);
  return {
    ...(shards !== undefined && { 'index.number_of_shards': shards }),
    ...(replicas !== undefined && { 'index.number_of_replicas': replicas }),
    ...Object.fromEntries(required),
  };
}

function sharedSettings({ shards, replicas }: IndexOptions): Readonly<Record<string, string | number>> {
  return {
    'index.number_of_shards': shards,
    'index.number_of_replicas': replicas,
    'index.codec': 'best_compression',
    // An insert refreshes what it wrote before it counts as visible.
    'index.refresh_interval': '-1',
    // A template of somebody's for more than ours brings none: it would change events, or drop them.
    'index.final_pipeline': NO_PIPELINE,
    'index.max_regex_length': OPENSEARCH_LIMITS.regexpChars,
    'index.mapping.total_fields.limit': FIXED_FIELDS + OPENSEARCH_LIMITS.typedFields + SPARE_FIELDS,
  };
}

/** What the engine calls it where an index has no pipeline. */
const NO_PIPELINE = '_none';

/** The pipeline that everything which goes into an index passes, of its settings as the engine tells them; undefined where none does. */
export function finalPipeline(settings: unknown): string | undefined {
  const name = textAt(settings, 'index', 'final_pipeline');
  return name === NO_PIPELINE ? undefined : name;
}

/** For indices of our names that come to be in another way than by `sliceContents`; their alias is for people. */
export function indexTemplate(options: IndexOptions): Readonly<Record<string, unknown>> {
  return {
    index_patterns: [allSlices(options.prefix)],
    priority: 500,
    template: { settings: sharedSettings(options), mappings: MAPPINGS, aliases: { [aliasOf(options.prefix)]: {} } },
  };
}

/** A new slice, whole: somebody may have removed or changed the template, or have one of his own that goes before it. */
export function sliceContents(options: IndexOptions, index: string, tier: string): Readonly<Record<string, unknown>> {
  return {
    settings: { ...sharedSettings(options), ...tierSettings(options, tier) },
    mappings: MAPPINGS,
    aliases: aliasesOf(options.prefix, index),
  };
}

/** The slice is said to be the one that is written: another index that is given the alias, as by a snapshot, changes nothing. */
export function aliasesOf(prefix: string, index: string): Readonly<Record<string, { readonly is_write_index?: true }>> {
  return { [aliasOf(prefix)]: {}, [writeAlias(index)]: { is_write_index: true } };
}

/** What of a mapping, as the engine tells it, is not as in a slice; undefined where nothing is. */
export function strangeField(properties: unknown): string | undefined {
  const { [FIELD.event]: event, [FIELD.values]: _, ...fields } = MAPPINGS.properties;
  if (at(properties, FIELD.event, 'enabled') !== event.enabled) return FIELD.event;
  const strange = Object.entries(fields).find(([name, field]) => {
    const has = at(properties, name);
    return textAt(has, 'type') !== field.type || (field.type === 'text' && textAt(has, 'analyzer') !== field.analyzer);
  });
  return strange?.[0];
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

/**
 * Such as `spillway-slice-30d-2026-11-25`, which all share; `spillway-slice-30d-6h-own-shop-2026-11-25t18` has six hours
 * of one tenant, from that hour (UTC) on.
 */
export function sliceIndex(prefix: string, slice: SliceKey): string {
  const { retentionDays, hours, group } = slice;
  const [date = '', time = ''] = new Date(sliceSpan(slice).fromMs).toISOString().split('T');
  const kind = `${slicePrefix(prefix)}${retentionDays}d`;
  if (hours === 24 && group === SHARED_GROUP) return `${kind}-${date}`;
  return [kind, `${hours}h`, ...(group === '' ? [] : [group]), `${date}t${time.slice(0, 2)}`].join('-');
}

/** The alias by which a slice is written: it goes with its index, so that nothing is written to one made by accident. */
export function writeAlias(index: string): string {
  return `${index}-write`;
}

const SLICE_NAME = /^(\d+)d(?:-(\d+)h(?:-((?:own|tier)-.+?))?)?-(\+?\d+-\d\d-\d\d)(?:t(\d\d))?$/;

/** Undefined for the name of an index that is no slice. */
export function parseSliceIndex(prefix: string, index: string): SliceKey | undefined {
  if (!index.startsWith(slicePrefix(prefix))) return undefined;
  const match = SLICE_NAME.exec(index.slice(slicePrefix(prefix).length));
  if (match === null) return undefined;
  const [, days, hours = '24', group = SHARED_GROUP, date, hour = '00'] = match;
  const time = Date.parse(`${date}T${hour}:00:00Z`);
  const start = time / (Number(hours) * HOUR_MS);
  if (!Number.isInteger(start)) return undefined;
  return { retentionDays: Number(days), hours: Number(hours), group, start };
}
