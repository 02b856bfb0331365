/** `GET /api/context` and `GET /api/tail`. */
import { type Static, Type } from 'typebox';
import { QUERY_LIMITS } from '../../lib/limits.ts';
import { AnswerFacts, AskedTime, Closed, QueryText } from './common.ts';
import { EventSchema } from './event.ts';

const Neighbours = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 0, maximum: QUERY_LIMITS.contextEvents, default: 10, description }));

export const ContextQuestionSchema = Closed(
  {
    id: Type.String({ minLength: 1, maxLength: 256, description: 'The event in the middle.' }),
    q: Type.Optional(QueryText),
    from: Type.Optional(AskedTime('Neighbours with a `timestamp` at or after this.', 'the beginning')),
    to: Type.Optional(AskedTime('Neighbours with a `timestamp` before this.', 'the end')),
    before: Neighbours('Events before it.'),
    after: Neighbours('Events after it.'),
  },
  'The neighbours of an event.',
);

export const ContextAnswerSchema = Type.Object(
  {
    before: Type.Array(EventSchema, { description: 'Events of the same source before it, oldest first.' }),
    event: EventSchema,
    after: Type.Array(EventSchema, { description: 'Events of the same source after it, oldest first.' }),
    ...AnswerFacts,
  },
  { title: 'ContextAnswer' },
);

export const TailQuestionSchema = Closed({ q: Type.Optional(QueryText) }, 'Events as they arrive.');

/** Data of `event: dropped`. */
export const TailDroppedSchema = Type.Object(
  {
    count: Type.Integer({ minimum: 0, description: 'Events that matched and were not sent.' }),
    unread: Type.Integer({
      minimum: 0,
      description: 'Events that were skipped before anyone looked whether they match.',
    }),
  },
  { title: 'TailDropped' },
);

export const TailStreamSchema = Type.String({
  description:
    'Server-sent events: `event` with an event of a search answer as data, `dropped` with {count, unread} when the client or the server was too slow, and comments as heartbeats.',
});

export type ContextAnswer = Static<typeof ContextAnswerSchema>;
export type TailDropped = Static<typeof TailDroppedSchema>;
