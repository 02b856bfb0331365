/** `GET /api/histogram`, `/api/stats`, `/api/fields` and `/api/values`. */
import { type Static, Type } from 'typebox';
import { QUERY_LIMITS } from '../../lib/limits.ts';
import { type FieldType, STATS_FUNCTIONS, type StatsFunction } from '../../search/port.ts';
import { AnswerFacts, Closed, FieldName, FieldNames, IsoTime, Scalar, Selection } from './common.ts';

const Interval = (description: string) =>
  Type.String({
    pattern: '^(auto|[1-9][0-9]{0,8}(ms|s|m|h|d|w))$',
    'x-expects': 'a whole number with ms, s, m, h, d or w, such as 30s, or auto',
    description: `${description} A number with ms, s, m, h, d or w, or \`auto\`. At most ${QUERY_LIMITS.buckets} buckets.`,
    examples: ['auto', '30s', '1h'],
  });

export const HistogramQuestionSchema = Closed(
  {
    ...Selection,
    interval: Type.Optional({ ...Interval('Width of a bucket; `auto` chooses 48 to 120 buckets.'), default: 'auto' }),
    by: Type.Optional(FieldName('Counts each bucket by the values of this field too.')),
  },
  'A histogram over time.',
);

export const HistogramAnswerSchema = Type.Object(
  {
    interval: Type.String({ description: 'The width used, such as `30s`.' }),
    intervalMs: Type.Integer({ minimum: 1 }),
    from: IsoTime('Start of the range that was counted.'),
    to: IsoTime('End of the range that was counted (exclusive).'),
    buckets: Type.Array(
      Type.Object({
        time: IsoTime('Start of the bucket, a multiple of the interval. The first may start before `from`.'),
        count: Type.Integer({ minimum: 0 }),
        by: Type.Optional(
          Type.Record(Type.String(), Type.Integer({ minimum: 0 }), {
            description: 'Counts by value, the largest ones; the empty name stands for events without the field.',
          }),
        ),
      }),
      { description: 'Without gaps: empty buckets are there with 0.' },
    ),
    ...AnswerFacts,
  },
  { title: 'HistogramAnswer' },
);

export const FieldsQuestionSchema = Closed({ ...Selection }, 'Which fields there are.');

export const FieldsAnswerSchema = Type.Object(
  {
    fields: Type.Array(
      Type.Object({
        name: Type.String({ description: 'As a query writes it.', examples: ['message', 'app', 'payload.status'] }),
        types: Type.Array(
          Type.Unsafe<FieldType>({ type: 'string', enum: ['string', 'number', 'boolean', 'text', 'time'] }),
        ),
        count: Type.Integer({ minimum: 0, description: 'Events that have it; estimated where there are many.' }),
      }),
    ),
    ...AnswerFacts,
  },
  { title: 'FieldsAnswer' },
);

export const ValuesQuestionSchema = Closed(
  {
    ...Selection,
    field: FieldName('The field.'),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: QUERY_LIMITS.values, default: 10, description: 'Values in the answer.' }),
    ),
  },
  'The most frequent values of a field.',
);

export const ValuesAnswerSchema = Type.Object(
  {
    field: Type.String(),
    values: Type.Array(Type.Object({ value: Scalar, count: Type.Integer({ minimum: 0 }) }), {
      description: 'The most frequent first.',
    }),
    total: Type.Integer({ minimum: 0, description: 'Events that have the field.' }),
    distinct: Type.Integer({ minimum: 0, description: 'Distinct values; estimated where there are many.' }),
    ...AnswerFacts,
  },
  { title: 'ValuesAnswer' },
);

export const StatsQuestionSchema = Closed(
  {
    ...Selection,
    fn: Type.Optional(
      Type.Unsafe<StatsFunction>({
        type: 'string',
        enum: [...STATS_FUNCTIONS],
        default: 'count',
        description:
          'What is computed. All but `count` need `of`; those of numbers ignore values that are not numbers.',
      }),
    ),
    of: Type.Optional(FieldName('The field that `fn` is about.')),
    by: Type.Optional(FieldNames(`One row for each combination of these fields (at most ${QUERY_LIMITS.statsBy}).`)),
    interval: Type.Optional(Interval('One row for each of these spans of time too.')),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: QUERY_LIMITS.values, default: 100, description: 'Rows in the answer.' }),
    ),
  },
  'A statistic.',
);

export const StatsAnswerSchema = Type.Object(
  {
    rows: Type.Array(
      Type.Object({
        by: Type.Array(Type.Union([Scalar, Type.Null()]), { description: 'Values of `by`, in its order.' }),
        time: Type.Optional(IsoTime('Start of the span, with `interval`.')),
        value: Type.Union([Type.Number(), Type.Null()], { description: 'null where there was nothing to compute of.' }),
      }),
    ),
    interval: Type.Optional(Type.String({ description: 'The width used, with `interval`.' })),
    from: IsoTime('Start of the range.'),
    to: IsoTime('End of the range (exclusive).'),
    ...AnswerFacts,
  },
  { title: 'StatsAnswer' },
);

export type HistogramAnswer = Static<typeof HistogramAnswerSchema>;
export type FieldsAnswer = Static<typeof FieldsAnswerSchema>;
export type ValuesAnswer = Static<typeof ValuesAnswerSchema>;
export type StatsAnswer = Static<typeof StatsAnswerSchema>;
