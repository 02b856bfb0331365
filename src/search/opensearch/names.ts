/**
 * Names and values as terms. A term of `t` is a key (which field), a zero, a letter (which type) and the value:
 * `p:user.name␀sJane`. Terms of one field and type stand beside each other and in the order of their values, so that
 * values, prefixes, patterns and ranges of any field are spans of one list. A term of `f` is a key, a zero and a letter.
 */
import { createHash } from 'node:crypto';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { FieldRef } from '../../query/ast.ts';
import type { IdNumbers } from '../ids.ts';
import { FIELD, type ValueType } from './mapping.ts';

const END = '\0';

/** What `f` says of a field. */
export const MARK = {
  string: 's',
  number: 'n',
  boolean: 'b',
  strings: 'S',
  numbers: 'N',
  booleans: 'B',
  /** Values, but inside an array of objects. */
  inside: 'i',
  /** An object, or an array of them, with something in it. */
  object: 'o',
  /** A value that has no typed field, since there were too many of them. */
  untyped: 'x',
  /** A text of which only the beginning is indexed. */
  cut: 'l',
} as const;
export type Mark = (typeof MARK)[keyof typeof MARK];
export const VALUE_MARKS = [MARK.string, MARK.number, MARK.boolean, MARK.strings, MARK.numbers, MARK.booleans] as const;
const PRESENT = [...VALUE_MARKS, MARK.inside, MARK.object] as const;

/** The beginnings of keys, by where a field is. */
const ROOTS = { own: 'o', metadata: 'm', payload: 'p' } as const;

export function fieldKey(field: FieldRef): string {
  return field.root === 'own' ? ownKey(field.name) : pathKey(field.root, field.path.join('.'));
}

export function ownKey(name: string): string {
  return `${ROOTS.own}:${name}`;
}

/** Keys in a path have no dots. One that is long, or holds what ends a key, is named by its hash. */
export function pathKey(root: 'metadata' | 'payload', path: string): string {
  const plain = path.length <= OPENSEARCH_LIMITS.keyChars && !path.includes(END);
  return `${ROOTS[root]}:${plain ? path : `#${createHash('sha256').update(path).digest('base64url')}#`}`;
}

/** Undefined for the key of a path that is named by its hash, or that is no path. */
export function pathOfKey(key: string): FieldRef | undefined {
  const root = key.startsWith('m:') ? 'metadata' : key.startsWith('p:') ? 'payload' : undefined;
  if (root === undefined || key.length < 3 || /^.:#[\w-]{43}#$/.test(key)) return undefined;
  return { root, path: key.slice(2).split('.') };
}

export function fieldTerm(key: string, mark: Mark): string {
  return key + END + mark;
}

export function parseFieldTerm(term: string): { readonly key: string; readonly mark: string } {
  return { key: term.slice(0, -2), mark: term.slice(-1) };
}

export function presentTerms(key: string): string[] {
  return PRESENT.map((mark) => fieldTerm(key, mark));
}

/** Whether the typed fields of an event hold all its values, by its terms of `f`. */
export function isWhole(fields: readonly string[]): boolean {
  return fields.every((term) => !term.endsWith(UNTYPED) && !term.endsWith(CUT));
}

const UNTYPED = END + MARK.untyped;
const CUT = END + MARK.cut;

/** A text in UTF-8 may take three bytes for each unit; an engine's term ends at 32,766. */
export function isCut(text: string): boolean {
  return text.length > OPENSEARCH_LIMITS.termChars;
}

export function cut(text: string): string {
  return isCut(text) ? text.slice(0, OPENSEARCH_LIMITS.termChars + 1).toWellFormed() : text;
}

export const stringPrefix = (key: string): string => `${key}${END}s`;
export const stringTerm = (key: string, text: string): string => stringPrefix(key) + cut(text);
/** Behind all strings of the field. */
export const stringsEnd = (key: string): string => `${key}${END}t`;
export const numberTerm = (key: string, value: number): string => `${key}${END}n${value === 0 ? 0 : value}`;
export const booleanTerm = (key: string, value: boolean): string => `${key}${END}b${value ? 1 : 0}`;
/** Of a number without a typed field: in the order of the numbers. */
export const sortedTerm = (key: string, value: number): string => `${key}${END}r${sortable(value)}`;
export const sortedStart = (key: string): string => `${key}${END}r`;
export const sortedEnd = (key: string): string => `${key}${END}s`;

const double = new DataView(new ArrayBuffer(8));
const SIGN = 1n << 63n;

/** Sixteen hexadecimal digits that sort like the numbers. */
function sortable(value: number): string {
  double.setFloat64(0, value === 0 ? 0 : value);
  const bits = double.getBigUint64(0);
  return BigInt.asUintN(64, bits >= SIGN ? ~bits : bits | SIGN)
    .toString(16)
    .padStart(16, '0');
}

/** The field of one type of values at a path; the name holds no character that means something in a field's name. */
export function valueField(type: ValueType, name: string): string {
  return `${FIELD.values}.${type}.${name}`;
}

/** Undefined where the name would be too long for a field of its own. */
export function valueName(key: string): string | undefined {
  const name = key.replace(/[^A-Za-z0-9_-]/gu, encoded);
  return name.length <= OPENSEARCH_LIMITS.typedNameChars ? name : undefined;
}

function encoded(char: string): string {
  return char === ':' ? '/' : `~${(char.codePointAt(0) ?? 0).toString(16)}~`;
}

/** The id as one text that sorts by its numbers. */
export function orderText({ site, topic, partition, offset, index }: IdNumbers): string {
  const hex = (value: bigint | number, digits: number) => value.toString(16).padStart(digits, '0');
  return `${site}${END}${topic}${END}${hex(partition, 4)}${hex(offset, 16)}${hex(index, 16)}`;
}

export function parseOrderText(text: string): IdNumbers {
  const [site = '', topic = '', digits = ''] = text.split(END);
  const number = (from: number, to?: number) => BigInt(`0x${digits.slice(from, to) || 0}`);
  return { site, topic, partition: Number(number(0, 4)), offset: number(4, 20), index: number(20) };
}
