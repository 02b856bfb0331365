/** Events and queries for property tests: few words and values, so that queries meet events. */
import fc from 'fast-check';
import { type JsonObject, type JsonValue, LEVELS, type StoredEvent } from '../../event/event.ts';
import { analyse } from '../analyse.ts';
import type { FieldRef, LeafNode, QueryNode, WildcardPart } from '../ast.ts';

const NOW_MS = 1_795_240_800_000;
const NOWHERE = { start: 0, end: 0 };

const WORDS = [
  'foo',
  'Foo',
  'FOOBAR',
  'bar',
  'ba',
  'b',
  '42',
  'x42',
  'café',
  'CAFÉ',
  '東京',
  'Straße',
  'İx',
  'ΟΔΟΣ',
  '😀',
  'K',
];
const SEPARATORS = [' ', '  ', '-', '_', '.', ': ', '/', '\n', '\t(', '"', "'", '\\', '\0'];
const KEYS = [
  'a',
  'b',
  'status',
  'odd key',
  'é',
  'level',
  'q"u`o\'te',
  'back\\slash',
  'tab\t',
  '^up',
  ':x',
  'null',
  'size0',
  'x[]',
  '😀',
  '__proto__',
];
const TEXTS = [
  'foo',
  'Foo',
  'foobar',
  '',
  '500',
  '5e2',
  '0500',
  'true',
  '/v1/a',
  '10.0.0.1',
  'é',
  'zé',
  '\uffff',
  '\u{10000}',
  'a\nb',
  "it's",
  'a\\b',
  '%',
  '_',
  '*',
  '-',
];
const NUMBERS = [500, 503.5, -1, 0, 1e21, 0.1, 1e-7, 9_007_199_254_740_991, 1.7976931348623157e308, 5e-324];

export const messages = fc
  .array(fc.tuple(fc.constantFrom(...WORDS), fc.constantFrom(...SEPARATORS)), { maxLength: 6 })
  .map((parts) => parts.flat().join(''));

const scalars: fc.Arbitrary<JsonValue> = fc.oneof(fc.constantFrom(...TEXTS), fc.constantFrom(...NUMBERS), fc.boolean());

/** As the normaliser leaves them: no null, nothing empty, arrays of one kind. */
const values: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue; object: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { arbitrary: scalars, weight: 5 },
    { arbitrary: fc.array(fc.constantFrom<JsonValue>(...TEXTS), { minLength: 1, maxLength: 3 }), weight: 1 },
    { arbitrary: fc.array(fc.constantFrom<JsonValue>(...NUMBERS), { minLength: 1, maxLength: 3 }), weight: 1 },
    { arbitrary: fc.array(fc.boolean(), { minLength: 1, maxLength: 2 }), weight: 1 },
    { arbitrary: tie('object'), weight: 3 },
    { arbitrary: fc.array(tie('object'), { minLength: 1, maxLength: 3 }), weight: 2 },
  ),
  object: fc
    .array(fc.tuple(fc.constantFrom(...KEYS), tie('value')), { minLength: 1, maxLength: 3 })
    .map((members) => Object.fromEntries(members)),
})).value;

const objects: fc.Arbitrary<JsonObject> = fc
  .array(fc.tuple(fc.constantFrom(...KEYS), values), { maxLength: 5 })
  .map((members) => Object.fromEntries(members));

const times = fc.constantFrom(NOW_MS, NOW_MS - 1, NOW_MS - 900_000, NOW_MS + 86_400_000, 0, -1, 253_402_300_799_999);
const sources = fc.constantFrom('web:h1', 'web:h2', 'db', 'é', '');

export const events: fc.Arbitrary<StoredEvent> = fc
  .record(
    {
      offset: fc.nat({ max: 50 }),
      tenant: fc.constantFrom('default', 'shop'),
      timestamp: times,
      received: times,
      type: fc.constantFrom('log', 'order', 'Log'),
      source: sources,
      level: fc.constantFrom(...LEVELS),
      message: messages,
      tags: fc.array(fc.constantFrom(...TEXTS), { minLength: 1, maxLength: 3 }),
      metadata: objects,
      payload: objects,
      uuid: fc.boolean(),
    },
    { requiredKeys: ['offset', 'tenant', 'timestamp', 'received', 'type', 'source', 'metadata', 'payload'] },
  )
  .map(({ offset, uuid, ...rest }) => ({
    id:
      uuid === true
        ? `0193a1b2-c3d4-7e5f-8a9b-0000000000${String(offset).padStart(2, '0')}`
        : `local.raw.1.${offset}.0`,
    ...rest,
  }));

const keyPaths = fc.array(fc.constantFrom(...KEYS), { minLength: 1, maxLength: 4 });
const jsonFields: fc.Arbitrary<FieldRef> = fc
  .tuple(fc.constantFrom('metadata', 'payload', 'payload'), keyPaths)
  .map(([root, path]): FieldRef => ({ root: root === 'metadata' ? 'metadata' : 'payload', path }));
const own = (...names: Extract<FieldRef, { root: 'own' }>['name'][]): fc.Arbitrary<FieldRef> =>
  fc.constantFrom(...names).map((name): FieldRef => ({ root: 'own', name }));

const keywordFields = fc.oneof(
  { arbitrary: jsonFields, weight: 8 },
  own('id', 'type', 'source', 'tenant', 'level', 'tags'),
);
const message: FieldRef = { root: 'own', name: 'message' };

const ids = fc.constantFrom('local.raw.1.7.0', 'local.raw.1.7.1', '0193a1b2-c3d4-7e5f-8a9b-000000000007');
const keywords = fc.oneof(
  { arbitrary: fc.constantFrom(...TEXTS), weight: 5 },
  { arbitrary: fc.constantFrom(...NUMBERS).map(String), weight: 3 },
  { arbitrary: fc.constantFrom('web:h1', 'log', 'error', 'true', 'false', '500.0', '-0', '1e400'), weight: 1 },
  { arbitrary: ids, weight: 1 },
);

const pieces = (texts: readonly string[]): fc.Arbitrary<readonly WildcardPart[]> =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom<WildcardPart>({ kind: 'any' }, { kind: 'one' }),
        fc
          .constantFrom(...texts.filter((text) => text !== ''))
          .chain((text) => fc.nat({ max: text.length }).map((end) => text.slice(0, Math.max(1, end))))
          .filter((text) => text.isWellFormed())
          .map((text): WildcardPart => ({ kind: 'text', text })),
      ),
      { minLength: 2, maxLength: 5 },
    )
    .map(mergePieces)
    .filter((parts) => parts.some(({ kind }) => kind !== 'text') && !(parts.length === 1 && parts[0]?.kind === 'any'));

/** As the parser makes them: no two texts and no two `any` beside each other. */
function mergePieces(parts: readonly WildcardPart[]): readonly WildcardPart[] {
  const merged: WildcardPart[] = [];
  for (const part of parts) {
    const last = merged.at(-1);
    if (part.kind === 'text' && last?.kind === 'text')
      merged.splice(-1, 1, { kind: 'text', text: last.text + part.text });
    else if (part.kind !== 'any' || last?.kind !== 'any') merged.push(part);
  }
  return merged;
}

const REGEXP_ATOMS = [
  'foo',
  'F',
  'o+',
  '[a-f]',
  '[^a]',
  '.',
  '.*',
  'ba?',
  '(foo|bar)',
  '(b|a)*',
  '\\d',
  '\\w+',
  '\\D',
  '[A-Z]',
  'é',
  '東.',
  '4{1,2}',
  '\\.',
  '/',
  '(a*)*',
  '(o+)?',
  '((f|o)?){2,3}',
];
const regexps = fc
  .array(fc.constantFrom(...REGEXP_ATOMS), { minLength: 1, maxLength: 4 })
  .map((atoms) => atoms.join('').replaceAll('/', '\\/'));

const bounds = (written: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.option(written, { nil: undefined }), fc.option(written, { nil: undefined }), fc.boolean(), fc.boolean())
    .filter(([from, to]) => from !== undefined || to !== undefined)
    .map(([from, to, fromInclusive, toInclusive]) => ({
      from: { value: from, inclusive: from === undefined || fromInclusive },
      to: { value: to, inclusive: to === undefined || toInclusive },
    }));

const writtenTimes = fc.constantFrom(
  'now',
  'now-15m',
  'now-1d/d',
  '2026',
  '2026-11',
  '2026-11-21',
  '2026-11-21T06:00:00Z',
  '1795240800000',
  '1970-01-01T00:00:00.000Z',
);

const span = NOWHERE;
const leaves: fc.Arbitrary<LeafNode> = fc.oneof(
  fc.record({
    kind: fc.constant('term'),
    field: keywordFields,
    value: keywords.filter((value) => value !== ''),
    span: fc.constant(span),
  }),
  fc.record({ kind: fc.constant('phrase'), field: keywordFields, value: keywords, span: fc.constant(span) }),
  fc.record({
    kind: fc.constantFrom('term', 'phrase'),
    field: fc.constant(message),
    value: messages,
    span: fc.constant(span),
  }),
  fc.record({ kind: fc.constant('wildcard'), field: keywordFields, pattern: pieces(TEXTS), span: fc.constant(span) }),
  fc.record({
    kind: fc.constant('wildcard'),
    field: fc.constant(message),
    pattern: pieces([...WORDS, 'foo-b', '.4']),
    span: fc.constant(span),
  }),
  fc.record({
    kind: fc.constant('regexp'),
    field: fc.oneof(keywordFields, fc.constant(message)),
    source: regexps,
    span: fc.constant(span),
  }),
  fc.tuple(keywordFields, bounds(keywords)).map(([field, ends]): LeafNode => ({ kind: 'range', field, ...ends, span })),
  fc
    .tuple(own('timestamp', 'received'), bounds(writtenTimes))
    .map(([field, ends]): LeafNode => ({ kind: 'range', field, ...ends, span })),
  fc
    .tuple(own('level'), bounds(fc.constantFrom(...LEVELS)))
    .map(([field, ends]): LeafNode => ({ kind: 'range', field, ...ends, span })),
  fc.record({
    kind: fc.constant('term'),
    field: own('timestamp', 'received'),
    value: writtenTimes,
    span: fc.constant(span),
  }),
  fc.record({
    kind: fc.constant('exists'),
    field: fc.oneof(jsonFields, own('level', 'message', 'tags', 'id')),
    span: fc.constant(span),
  }),
);

const askable = leaves.filter((leaf) => {
  try {
    analyse(leaf, NOW_MS);
    return true;
  } catch {
    return false;
  }
});

export const queries: fc.Arbitrary<QueryNode> = fc.letrec<{ node: QueryNode }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    { arbitrary: askable, weight: 8 },
    { arbitrary: fc.constant<QueryNode>({ kind: 'all', span }), weight: 1 },
    { arbitrary: tie('node').map((child): QueryNode => ({ kind: 'not', child, span })), weight: 2 },
    {
      arbitrary: fc.tuple(fc.constantFrom('and', 'or'), fc.array(tie('node'), { minLength: 2, maxLength: 4 })).map(
        ([kind, children]): QueryNode => ({
          kind,
          children: children.flatMap((child) => (child.kind === kind ? child.children : [child])),
          span,
        }),
      ),
      weight: 4,
    },
  ),
})).node;

export const TEST_NOW_MS = NOW_MS;
