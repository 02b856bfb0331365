/** A record of `events` as an event, or what is wrong with it. */
import type { StoredEvent } from '../../event/event.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { type IdNumbers, idNumbers } from '../ids.ts';

/** The largest of JavaScript's Date, epoch ms. */
const MAX_TIME_MS = 8.64e15;
const TEXTS = ['type', 'source', 'level', 'message', 'layout', 'original', 'exact'] as const;
const OBJECTS = ['metadata', 'payload'] as const;

/** Throws EVENT_REFUSED for what is no stored event. */
export function readEvent(text: string): { readonly event: StoredEvent; readonly id: IdNumbers } {
  const event = parse(text);
  if (!isObject(event)) throw refused('it is no JSON object');
  const id = typeof event.id === 'string' ? idNumbers(event.id) : undefined;
  if (id === undefined) throw refused('the id is neither an origin nor a UUID');
  if (typeof event.tenant !== 'string') throw refused('tenant is missing');
  if (!isTime(event.timestamp) || !isTime(event.received)) throw refused('timestamp or received is missing or no time');
  for (const name of TEXTS) if (!isAbsentOr(event[name], 'string')) throw refused(`${name} is no text`);
  const objects = Object.fromEntries(OBJECTS.map((name) => [name, event[name] ?? {}]));
  if (!Object.values(objects).every(isObject)) throw refused('metadata or payload is no object');
  const { tags } = event;
  if (tags !== undefined && !(Array.isArray(tags) && tags.every((tag) => typeof tag === 'string'))) {
    throw refused('tags are no texts');
  }
  const texts = { type: event.type ?? '', source: event.source ?? '' };
  // Looked at member by member above.
  return { event: { ...event, ...texts, ...objects } as unknown as StoredEvent, id };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw refused(messageOf(thrown));
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= MAX_TIME_MS;
}

function isAbsentOr(value: unknown, type: string): boolean {
  return value === undefined || typeof value === type;
}

function refused(why: string): SpillwayError {
  return new SpillwayError('EVENT_REFUSED', `The event cannot be stored: ${why}.`);
}
