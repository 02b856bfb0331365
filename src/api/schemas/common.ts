/** Parts that several answers and questions share. The schemas of this folder validate, document and type the API. */
import { type Static, type TProperties, Type } from 'typebox';
import { DURATION_PATTERN, SIZE_PATTERN } from '../../lib/units.ts';

/** A closed object: members that are not listed are refused. */
export function Closed<P extends TProperties>(properties: P, description: string) {
  return Type.Object(properties, { additionalProperties: false, description });
}

/** How durations and sizes are written. */
export const DURATION = { pattern: DURATION_PATTERN, 'x-expects': 'a duration such as 30s, 12h or 7d' } as const;
export const SIZE = { pattern: SIZE_PATTERN, 'x-expects': 'a size such as 64MiB or 10GiB' } as const;

/** Of a topic or a group. */
export const Name = (description: string) =>
  Type.String({
    pattern: '^[a-z0-9][a-z0-9_-]{0,63}$',
    'x-expects': 'up to 64 of a-z, 0-9, _ and -, beginning with a letter or digit',
    description,
    examples: ['orders'],
  });

/** A time in an answer. */
export const IsoTime = (description: string) =>
  Type.String({ format: 'date-time', description, examples: ['2025-11-23T10:15:30.123Z'] });

/** A time in a question. */
export const AskedTime = (description: string, byDefault: string) =>
  Type.Union([Type.String({ minLength: 1, maxLength: 64 }), Type.Integer()], {
    default: byDefault,
    description: `${description} ISO 8601 (UTC where it names no zone), epoch milliseconds, or relative to now: \`now\`, \`now-15m\`, \`now-1d/d\` (units s m h d w M y; \`/d\` rounds to the unit).`,
    examples: ['now-1h', '2025-11-23T10:00:00Z', 1763892000000],
  });

export const QueryText = Type.String({
  default: '',
  description:
    "The query in Lucene's query string syntax (docs/query-language.md). Empty or `*` finds everything. Its length is limited; a longer one is QUERY_TOO_LARGE.",
  examples: ['level:error AND app:checkout', 'status:>=500 "connection refused"'],
});

/** What every question about events takes. */
export const Selection = {
  q: Type.Optional(QueryText),
  from: Type.Optional(AskedTime('Events with a `timestamp` at or after this.', 'now-15m')),
  to: Type.Optional(AskedTime('Events with a `timestamp` before this.', 'now')),
};

export const FieldName = (description: string) =>
  Type.String({ minLength: 1, maxLength: 1_024, description, examples: ['app', 'payload.status'] });

/** Names separated by commas. */
export const FieldNames = (description: string) =>
  Type.String({ minLength: 1, maxLength: 8_192, description, examples: ['app,level'] });

/** What every answer about events tells of itself. */
export const AnswerFacts = {
  completeTo: IsoTime('Every event received before this time (about `received`, not `timestamp`) was looked at.'),
  tookMs: Type.Number({ minimum: 0, description: 'How long the store worked on it, in milliseconds.' }),
  hints: Type.Optional(
    Type.Array(Type.String(), {
      description: 'Why the answer may be empty, such as a field that no event in the range has.',
    }),
  ),
};

export const Scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);

export type Selected = Static<ReturnType<typeof Closed<typeof Selection>>>;
