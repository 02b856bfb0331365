/**
 * Structured data (RFC 5424, 6.3) with everything that may be in it: escapes, names with dots, a name twice in one
 * element or in several, and bytes that are not printable.
 */
import { EVENT_LIMITS } from '../../lib/limits.ts';
import { elementToken, paramToken } from '../layout/line.ts';
import { MemberTree, pathOf } from '../normalise/member-tree.ts';
import { quote } from '../text/json-text.ts';
import { isCanonicalNumber } from '../text/numbers.ts';

interface Param {
  readonly name: string;
  readonly value: string;
}

interface Element {
  readonly id: string;
  readonly params: readonly Param[];
}

export interface StructuredData {
  readonly payload: string;
  /** Undefined where it cannot be rebuilt. */
  readonly layout: string | undefined;
  readonly end: number;
}

const NAME = /^[^\s="\][]{1,85}$/u;
const ELEMENT = /\[([^\s="\][]{1,85})/uy;
const PARAM = / ([^\s="\][]{1,85})="([^"\\]*(?:\\[\s\S][^"\\]*)*)"/uy;

/** Names of elements and parameters; RFC 5424 says 32 printable ASCII characters, senders use more. */
export function isParamName(name: string): boolean {
  return NAME.test(name);
}

/** Reads the elements at `at`; undefined where it is not structured data. */
export function readStructuredData(text: string, at: number): StructuredData | undefined {
  const elements: Element[] = [];
  let rebuilds = true;
  let next = at;
  while (text[next] === '[') {
    ELEMENT.lastIndex = next;
    const id = ELEMENT.exec(text)?.[1];
    if (id === undefined) return undefined;
    next = ELEMENT.lastIndex;
    const params: Param[] = [];
    for (;;) {
      PARAM.lastIndex = next;
      const match = PARAM.exec(text);
      if (match === null) break;
      const [whole, name = '', written = ''] = match;
      const value = written.replace(/\\(["\\\]])/g, '$1');
      if (value.replace(/["\\\]]/g, '\\$&') !== written) rebuilds = false;
      params.push({ name, value });
      next += whole.length;
    }
    if (text[next++] !== ']') return undefined;
    elements.push({ id, params });
  }
  return { ...layOut(elements, rebuilds), end: next };
}

function layOut(elements: readonly Element[], readable: boolean): Omit<StructuredData, 'end'> {
  const shared = sharedNames(elements);
  const tree = new MemberTree();
  let rebuilds = readable && new Set(elements.map(({ id }) => id)).size === elements.length;
  let layout = '';
  let members = 0;
  for (const { id, params } of elements) {
    layout += elementToken(id);
    const values = new Map<string, string[]>();
    for (const { name, value } of params) {
      const others = values.get(name);
      if (others === undefined) values.set(name, [value]);
      else others.push(value);
      layout += ` ${paramToken(name, shared.has(name))}`;
    }
    layout += ']';
    for (const [name, all] of values) {
      const underId = shared.has(name);
      const { path, exact } = pathOf(underId ? `${id}.${name}` : name);
      const fits = ++members <= EVENT_LIMITS.members && path.length < EVENT_LIMITS.depth;
      if (!fits || !tree.place(path, valueJson(all)) || !exact) rebuilds = false;
    }
  }
  return { payload: tree.print(), layout: rebuilds ? layout : undefined };
}

/** Names that more than one element has. */
function sharedNames(elements: readonly Element[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const { params } of elements) {
    for (const name of new Set(params.map((param) => param.name))) {
      if (seen.has(name)) shared.add(name);
      seen.add(name);
    }
  }
  return shared;
}

function valueJson(values: readonly string[]): string {
  const numbers = values.every((value) => isCanonicalNumber(value, 0, value.length));
  const items = numbers ? values : values.map(quote);
  return items.length === 1 ? (items[0] ?? '""') : `[${items.join(',')}]`;
}
