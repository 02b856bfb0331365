/** Parts of events, and lists of events that stay within a number of bytes. */
import type { AnsweredEvent, JsonObject, JsonValue } from '../../event/event.ts';
import type { FieldRef } from '../../query/ast.ts';

/** `original` is a member that queries do not know. */
export type Projected = FieldRef | { readonly root: 'original' };

/** The event with `id`, `timestamp` and the members asked for. */
export function project(event: AnsweredEvent, fields: readonly Projected[]): object {
  const part: Record<string, unknown> = { id: event.id, timestamp: event.timestamp };
  for (const field of fields) {
    if (field.root === 'own') {
      if (event[field.name] !== undefined) part[field.name] = event[field.name];
    } else if (field.root === 'original') {
      if (event.original !== undefined) part.original = event.original;
    } else {
      const value = at(event[field.root], field.path);
      if (value !== undefined) part[field.root] = placed(part[field.root], field.path, value);
    }
  }
  return part;
}

/**
 * The JSON texts of the first of `events`, as many as fit; at least one. A page of events of a megabyte each would
 * otherwise be a gigabyte.
 */
export function fitting(events: readonly object[], maxBytes: number): string[] {
  const texts: string[] = [];
  let room = maxBytes;
  for (const event of events) {
    const text = JSON.stringify(event);
    room -= text.length;
    if (room < 0 && texts.length > 0) break;
    texts.push(text);
  }
  return texts;
}

function at(value: JsonValue, path: readonly string[]): JsonValue | undefined {
  let found: JsonValue | undefined = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || Array.isArray(found) || !Object.hasOwn(found, key)) {
      return undefined;
    }
    found = found[key];
  }
  return found;
}

/** `whole` with the value at the path. Objects without a prototype: keys are what senders called them. */
function placed(whole: unknown, path: readonly string[], value: JsonValue): JsonValue {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const object: JsonObject = Object.assign(Object.create(null), isObject(whole) ? whole : {});
  object[key] = placed(object[key], rest, value);
  return object;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
