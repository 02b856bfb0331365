/** An event as answers show it; the type is the one of src/event/event.ts, and the compiler checks that they agree. */
import { type Static, Type } from 'typebox';
import type { AnsweredEvent, JsonObject, JsonValue } from '../../event/event.ts';
import { IsoTime } from './common.ts';

const AnyObject = (description: string) =>
  Type.Unsafe<JsonObject>({ type: 'object', additionalProperties: true, description });

export const EventSchema = Type.Object(
  {
    id: Type.String({ description: "The event's origin, printed.", examples: ['local.raw.2.1042.0'] }),
    tenant: Type.String(),
    timestamp: IsoTime("When it happened: the sender's time, else `received`."),
    received: IsoTime('When the collector took it.'),
    type: Type.String({ examples: ['log'] }),
    source: Type.String({ examples: ['checkout:web-3'] }),
    level: Type.Optional(Type.String({ examples: ['error'] })),
    message: Type.Optional(Type.String()),
    original: Type.Optional(
      Type.String({ description: 'What was sent, as text; bytes that are no text as base64 after `base64:`.' }),
    ),
    tags: Type.Array(Type.String()),
    metadata: AnyObject('Facts about the sender: `team`, `app`, `host` and others.'),
    payload: Type.Unsafe<JsonValue>({ description: 'Everything else that the event says; any JSON value.' }),
  },
  { title: 'Event', description: 'An event.' },
);

type Same<A, B> = A extends B ? (B extends A ? true : never) : never;
/** Does not compile when the schema and the type of src/event/event.ts part. */
export const eventSchemaAgrees: Same<Static<typeof EventSchema>, Mutable<AnsweredEvent>> = true;
type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly string[] ? string[] : T[K] };

/** What is left of an event where `fields` asked for some of it. */
export const EventPartSchema = Type.Object(
  { ...Type.Partial(EventSchema).properties, id: Type.String(), timestamp: IsoTime('When it happened.') },
  { title: 'EventPart', description: 'An event with only the members that `fields` asked for.' },
);

export type { AnsweredEvent };
