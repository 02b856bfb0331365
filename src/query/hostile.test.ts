import { describe, expect, test } from 'vitest';
import type { StoredEvent } from '../event/event.ts';
import { SpillwayError } from '../lib/errors.ts';
import { QUERY_LIMITS } from '../lib/limits.ts';
import { parseQuery } from './parse.ts';
import { compilePredicate } from './predicate.ts';

/** Generous for a shared machine; what is guarded against takes minutes or for ever. */
const SOON_MS = 5_000;

function codeOf(text: string): string | undefined {
  try {
    parseQuery(text);
    return undefined;
  } catch (error) {
    if (error instanceof SpillwayError) return error.code;
    throw error;
  }
}

function eventWith(message: string, k = ''): StoredEvent {
  const times = { timestamp: 0, received: 0 };
  return {
    id: 'local.raw.0.0.0',
    tenant: 'default',
    ...times,
    type: 'log',
    source: 's',
    message,
    metadata: {},
    payload: { k },
  };
}

function tookMs(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

describe('each limit takes a query at it and refuses one past it', () => {
  const { queryChars, depth, nodes, regexpChars, regexpStates } = QUERY_LIMITS;
  const words = (count: number) => Array.from({ length: count }, (_, i) => `w${i}`).join(' ');
  test.each([
    ['characters', 'a'.repeat(queryChars), 'a'.repeat(queryChars + 1)],
    ['parentheses', `${'('.repeat(depth)}a${')'.repeat(depth)}`, `${'('.repeat(depth + 1)}a${')'.repeat(depth + 1)}`],
    ['NOT', `${'NOT '.repeat(depth)}a`, `${'NOT '.repeat(depth + 1)}a`],
    ['signs', `${'-'.repeat(depth)}a`, `${'-'.repeat(depth + 1)}a`],
    ['clauses (with the AND that joins them)', words(nodes - 1), words(nodes)],
    ['characters of a regular expression', `k:/${'a'.repeat(regexpChars - 2)}/`, `k:/${'a'.repeat(regexpChars + 1)}/`],
    ['repeats', `k:/a{${regexpStates - 1}}/`, `k:/a{${regexpStates}}/`],
    [
      'groups',
      `k:/${'('.repeat(depth)}a${')'.repeat(depth)}/`,
      `k:/${'('.repeat(depth + 1)}a${')'.repeat(depth + 1)}/`,
    ],
  ])('%s', (_, at, past) => {
    expect(codeOf(at)).toBeUndefined();
    expect(codeOf(past)).toBe('QUERY_TOO_LARGE');
  });
});

test.each([
  ['100,000 characters', 'a '.repeat(50_000)],
  ['nested 1,000 deep', `${'('.repeat(1_000)}a${')'.repeat(1_000)}`],
  ['100,000 parentheses', '('.repeat(100_000)],
  ['5,000 NOTs', 'NOT '.repeat(2_000)],
  ['signs', '-'.repeat(9_999)],
  ['field groups', 'a:('.repeat(3_000)],
  ['groups in a regular expression', `/${'('.repeat(900)}`],
])('a hostile query is refused at once: %s', (_, text) => {
  const took = tookMs(() => expect(codeOf(text)).toMatch(/^QUERY_(TOO_LARGE|SYNTAX)$/));
  expect(took).toBeLessThan(SOON_MS);
});

describe('no query takes more than linear time over a long value', () => {
  const long = 'a'.repeat(1_000_000);
  const mixed = Array.from({ length: 300_000 }, (_, i) => ((i * 7919) % 13 < 6 ? 'a' : 'b')).join('');
  test.each([
    ['nested repeats', 'k:/(a*)*b/', long],
    ['overlapping alternatives', 'k:/(a|aa)+b/', long],
    ['optional parts', `k:/${'a?'.repeat(150)}${'a'.repeat(150)}b/`, long],
    ['many states at once', 'k:/[ab]*a[ab]{400}c/', mixed],
    ['wildcards', `k:${'*a'.repeat(200)}*b`, long],
    ['a long text between wildcards', `k:*b${'a'.repeat(900)}*`, long],
    ['nested repeats in a word', '/(a*)*b/', long],
    ['wildcards in a word', `${'*a'.repeat(200)}*b`, long],
    ['a long word', `${'a'.repeat(9_000)}b`, long],
    ['a phrase of one word', `"${'a '.repeat(2_000)}b"`, 'a '.repeat(400_000)],
  ])('%s', (_, query, value) => {
    const matches = compilePredicate(parseQuery(query));
    const took = tookMs(() => expect(matches(eventWith(value, value))).toBe(false));
    expect(took).toBeLessThan(SOON_MS);
  });
});

test('names of JavaScript itself are names like others', () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'a.__proto__.b', 'hasOwnProperty']) {
    expect(compilePredicate(parseQuery(`_exists_:${name}`))(eventWith('x')), name).toBe(false);
  }
  const event: StoredEvent = { ...eventWith('x'), payload: JSON.parse('{"__proto__": {"a": 1}, "constructor": "c"}') };
  expect(compilePredicate(parseQuery('__proto__.a:1 constructor:c'))(event)).toBe(true);
});
