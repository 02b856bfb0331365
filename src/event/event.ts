/**
 * The event: the structured thing that everything after the processor handles.
 *
 * A record of the topic `events` holds one event as one JSON object (UTF-8, `StoredEvent`, members in the order
 * below, absent ones left out). The processor has normalised it, so every engine accepts it without another parse:
 * - no duplicate keys; depth and members within EVENT_LIMITS; valid UTF-8 without lone surrogates;
 * - `metadata` and `payload` are objects without null, `{}` or `[]` members and without dots in keys (`"a.b": 1` has
 *   become `{"a": {"b": 1}}`); numbers are finite and integers within ±2^53 (others have become strings);
 *   arrays hold values of one kind (strings, numbers, booleans or objects);
 * - where that changed the payload, `exact` has the JSON text of the payload as it was sent, and readers show that;
 * - where the bytes that were sent cannot be rebuilt from the event with the help of `layout`, `original` has them.
 */
export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Level = (typeof LEVELS)[number];

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

export interface StoredEvent {
  /** The printed origin, or a UUIDv7 for an event of the event service. */
  readonly id: string;
  readonly tenant: string;
  /** Epoch milliseconds: the sender's where it gave one, else `received`. */
  readonly timestamp: number;
  /** Epoch milliseconds at which the collector took it. */
  readonly received: number;
  /** `log` for a log line that says nothing else. */
  readonly type: string;
  /** `app:host` for a log line that says nothing else. */
  readonly source: string;
  readonly level?: Level;
  readonly message?: string;
  readonly tags?: readonly string[];
  readonly metadata: JsonObject;
  readonly payload: JsonObject;
  /** A recipe of few kinds to rebuild the sent bytes from this event (process/layout). */
  readonly layout?: string;
  /** The sent bytes as text (invalid UTF-8 as base64 after `base64:`), where `layout` cannot rebuild them. */
  readonly original?: string;
  /** JSON text of the payload as sent, where the normaliser changed it. */
  readonly exact?: string;
}

/** An event as the API answers it: times in ISO 8601, payload exact, no internal members. */
export interface AnsweredEvent {
  readonly id: string;
  readonly tenant: string;
  readonly timestamp: string;
  readonly received: string;
  readonly type: string;
  readonly source: string;
  readonly level?: string;
  readonly message?: string;
  readonly original?: string;
  readonly tags: readonly string[];
  readonly metadata: JsonObject;
  readonly payload: JsonValue;
}
