/**
 * A field as SQL to count and group by. A path of `metadata` or `payload` may hold several types; most hold one, and
 * then the plain column of that type is several times faster than an expression over all. So where several are possible,
 * those that occur are looked at first.
 */
import type { FieldRef } from '../../query/ast.ts';
import type { PathTypes } from '../path-types.ts';
import type { ValueCount } from '../port.ts';
import { SqlBinder } from './binder.ts';
import type { Ask } from './query-runner.ts';
import { EVENTS_TABLE, type JsonType, jsonValue, MESSAGE_TOKENS, OWN_COLUMNS } from './schema.ts';

export type Value = ValueCount['value'];
type PathRef = Exclude<FieldRef, { root: 'own' }>;

/** An expression with one value a row (absent: see `decode`), or one row a value where `multiplies`. */
export interface GroupKey {
  readonly sql: string;
  /** Whether a value (named by its alias) is one. */
  isPresent(alias: string): string;
  /** What values (named by their alias) are in the order of value-order.ts by. */
  order(alias: string): string;
  /** Whether an event has one value at the most: then counts of values add up to events. */
  readonly isSingle: boolean;
  /** The value that the engine answered; null where the field is absent. */
  decode(answered: unknown): Value | null;
}

const HALVES = { high: "leftPad(hex(id_offset), 16, '0')", low: "leftPad(hex(id_index), 16, '0')" };
/** An id as text: a printed origin, or a UUID. */
export const PRINTED_ID = `if(id_site = '',
  lower(concat(substring(${HALVES.high}, 1, 8), '-', substring(${HALVES.high}, 9, 4), '-', substring(${HALVES.high}, 13, 4),
    '-', substring(${HALVES.low}, 1, 4), '-', substring(${HALVES.low}, 5, 12))),
  concat(id_site, '.', id_topic, '.', toString(id_partition), '.', toString(id_offset), '.', toString(id_index)))`;

const SINGLE: readonly JsonType[] = ['string', 'word', 'number', 'boolean'];
const ARRAYS: readonly JsonType[] = ['strings', 'numbers', 'booleans'];

/** How many rows of the condition hold which of the types at the path; those that none holds are left out. */
export async function censusOf(
  field: PathRef,
  types: readonly JsonType[],
  condition: (binder: SqlBinder) => string,
  ask: Ask,
): Promise<ReadonlyMap<JsonType, number>> {
  if (types.length === 0) return new Map();
  const binder = new SqlBinder();
  const where = condition(binder);
  const counts = types.map((type) => {
    const value = jsonValue(field, type, binder);
    return ARRAYS.includes(type) ? `countIf(notEmpty(${value}))` : `countIf(${value} IS NOT NULL)`;
  });
  const [row = []] = await ask(`SELECT ${counts.join(', ')} FROM ${EVENTS_TABLE} WHERE ${where}`, binder);
  const counted = types.map((type, i) => [type, Number(row[i])] as const);
  return new Map(counted.filter(([, count]) => count > 0));
}

/** Types with values that may stand at the path: what is known, else all. */
export function possibleTypes(field: PathRef, paths: PathTypes): readonly JsonType[] {
  const known = paths.at(field);
  return [...SINGLE, ...ARRAYS].filter((type) => known?.has(type) !== false);
}

/** The key to group by, for a field of these types. */
export function groupKey(field: FieldRef, types: readonly JsonType[], binder: SqlBinder): GroupKey {
  if (field.root === 'own') return ownKey(field.name);
  const present = types.filter((type) => type !== 'objects');
  const [only] = present;
  if (present.length === 1 && only !== undefined && SINGLE.includes(only)) {
    return {
      sql: jsonValue(field, only, binder),
      isPresent: isNotNull,
      order: asIs,
      isSingle: true,
      decode: decodePlain,
    };
  }
  if (present.length === 2 && present.every((type) => type === 'string' || type === 'word')) {
    const [text, word] = present.map((type) => jsonValue(field, type, binder));
    const sql = `ifNull(${text}, ${word})`;
    return { sql, isPresent: isNotNull, order: asIs, isSingle: true, decode: decodePlain };
  }
  // Each value of an event once: how often it stands in one array is not how many events have it.
  const sql = `arrayJoin(arrayDistinct(${orAbsent(pathValues(field, present, binder))}))`;
  return { sql, isPresent: (alias) => `${alias}.1 != ''`, order: byTypeAndValue, isSingle: false, decode: decodeTyped };
}

function ownKey(name: Extract<FieldRef, { root: 'own' }>['name']): GroupKey {
  switch (name) {
    case 'id':
      return { sql: PRINTED_ID, isPresent: isNotEmpty, order: emptyLast, isSingle: true, decode: decodeText };
    case 'timestamp':
    case 'received':
      return { sql: OWN_COLUMNS[name], isPresent: () => '1', order: asIs, isSingle: true, decode: decodePlain };
    case 'tags':
      return {
        sql: "arrayJoin(if(empty(tags), [''], arrayDistinct(arrayMap(t -> toString(t), tags))))",
        isPresent: isNotEmpty,
        order: emptyLast,
        isSingle: false,
        decode: decodeText,
      };
    case 'message':
      return { sql: 'message', isPresent: isNotEmpty, order: emptyLast, isSingle: true, decode: decodeText };
    default:
      return { sql: OWN_COLUMNS[name], isPresent: isNotEmpty, order: emptyLast, isSingle: true, decode: decodeText };
  }
}

/** The words of `message`: what its values are, as it is text. */
export const MESSAGE_WORDS: GroupKey = {
  sql: `arrayJoin(arrayDistinct(tokens(${MESSAGE_TOKENS}, 'splitByNonAlpha')))`,
  isPresent: isNotEmpty,
  order: emptyLast,
  isSingle: false,
  decode: decodeText,
};

function isNotNull(alias: string): string {
  return `${alias} IS NOT NULL`;
}

function isNotEmpty(alias: string): string {
  return `${alias} != ''`;
}

/** NULL is the last in it. */
function asIs(alias: string): string {
  return alias;
}

function emptyLast(alias: string): string {
  return `${alias} = '', ${alias}`;
}

function byTypeAndValue(alias: string): string {
  return `${alias}.1 = '', ${alias}.1, if(${alias}.1 = 'n', toFloat64OrZero(${alias}.2), 0), ${alias}.2`;
}

/** The field as a number: NULL where it is none. */
export function numberOf(field: FieldRef, binder: SqlBinder): string {
  if (field.root !== 'own') return jsonValue(field, 'number', binder);
  if (field.name === 'timestamp' || field.name === 'received') return `toFloat64(${OWN_COLUMNS[field.name]})`;
  return "CAST(NULL, 'Nullable(Float64)')";
}

/** Arrays of (type, text), since values of several types stand in one column. */
function pathValues(field: PathRef, types: readonly JsonType[], binder: SqlBinder): string {
  const parts = types.map((type) => {
    const value = jsonValue(field, type, binder);
    if (type === 'word') return `if(isNull(${value}), [], [('s', CAST(assumeNotNull(${value}), 'String'))])`;
    if (SINGLE.includes(type)) return `if(isNull(${value}), [], [('${type[0]}', toString(assumeNotNull(${value})))])`;
    return `arrayMap(v -> ('${type[0]}', toString(v)), ${value})`;
  });
  return parts.length === 0 ? "[('', '')]" : `arrayConcat(${parts.join(', ')})`;
}

function orAbsent(values: string): string {
  return `(arrayMap(a -> if(empty(a), [('', '')], a), [${values}]))[1]`;
}

function decodePlain(answered: unknown): Value | null {
  if (typeof answered === 'string' || typeof answered === 'number' || typeof answered === 'boolean') return answered;
  return null;
}

function decodeText(answered: unknown): Value | null {
  return answered === '' ? null : String(answered);
}

function decodeTyped(answered: unknown): Value | null {
  if (!Array.isArray(answered)) return null;
  const [type, text] = answered;
  if (type === 's') return String(text);
  if (type === 'n') return Number(text);
  return type === 'b' ? text === 'true' : null;
}
