/** `GET|POST /api/search` and `GET /api/count`. */
import { type Static, Type } from 'typebox';
import type { AnsweredEvent } from '../../event/event.ts';
import { QUERY_LIMITS } from '../../lib/limits.ts';
import { AnswerFacts, Closed, FieldNames, Selection } from './common.ts';
import { EventPartSchema, EventSchema } from './event.ts';

export const SearchQuestionSchema = Closed(
  {
    ...Selection,
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: QUERY_LIMITS.page,
        default: QUERY_LIMITS.defaultPage,
        description: 'Events on a page. A page of large events may have fewer; `next` says whether there are more.',
      }),
    ),
    order: Type.Optional(
      Type.Unsafe<'asc' | 'desc'>({
        type: 'string',
        enum: ['asc', 'desc'],
        default: 'desc',
        description: 'By `timestamp`, then by origin: newest first (`desc`) or oldest first.',
      }),
    ),
    after: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1_024,
        description: 'The `next` of the page before. It belongs to the same `q`, `from`, `to` and `order`.',
      }),
    ),
    fields: Type.Optional(
      FieldNames('Only these members of each event, beside `id` and `timestamp`. Names separated by commas.'),
    ),
  },
  'A search.',
);

export const SearchAnswerSchema = Type.Object(
  {
    events: Type.Unsafe<AnsweredEvent[]>(
      Type.Array(Type.Union([EventSchema, EventPartSchema]), { description: 'The events of this page, in order.' }),
    ),
    next: Type.Optional(
      Type.String({ description: 'Give it as `after` for the next page. Left out when there is none.' }),
    ),
    ...AnswerFacts,
  },
  { title: 'SearchAnswer' },
);

export const CountQuestionSchema = Closed({ ...Selection }, 'A count.');

export const CountAnswerSchema = Type.Object(
  { count: Type.Integer({ minimum: 0, description: 'Events that match, exactly.' }), ...AnswerFacts },
  { title: 'CountAnswer' },
);

export type SearchParameters = Static<typeof SearchQuestionSchema>;
export type SearchAnswer = Static<typeof SearchAnswerSchema>;
export type CountAnswer = Static<typeof CountAnswerSchema>;
