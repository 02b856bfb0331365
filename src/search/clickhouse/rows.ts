/** Rows of the table as events: what is selected, and how it is read back. */
import type { JsonObject, StoredEvent } from '../../event/event.ts';
import { LEVELS } from '../../event/event.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { printId } from '../ids.ts';

/** The columns of `eventOf`, in its order. */
export const EVENT_SELECTION = `id_site, id_topic, id_partition, toString(id_offset), toString(id_index),
  tenant, timestamp, received, type, source, level, messageless, message, tags, metadata, payload, layout, original, exact`;

export function storedEvent(row: readonly unknown[]): StoredEvent {
  const [site, topic, partition, offset, index, tenant, timestamp, received, type, source, level, ...rest] = row;
  const [messageless, message, tags, metadata, payload, layout, original, exact] = rest;
  const known = LEVELS.find((name) => name === level);
  return {
    id: printId({
      site: text(site),
      topic: text(topic),
      partition: number(partition),
      offset: BigInt(text(offset)),
      index: BigInt(text(index)),
    }),
    tenant: text(tenant),
    timestamp: number(timestamp),
    received: number(received),
    type: text(type),
    source: text(source),
    ...(known === undefined ? {} : { level: known }),
    ...(messageless === 1 ? {} : { message: text(message) }),
    tags: texts(tags),
    metadata: object(metadata),
    payload: object(payload),
    ...(layout === '' ? {} : { layout: text(layout) }),
    ...(original === '' ? {} : { original: text(original) }),
    ...(exact === '' ? {} : { exact: text(exact) }),
  };
}

export function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw unexpected(value);
}

export function number(value: unknown): number {
  if (typeof value === 'number') return value;
  throw unexpected(value);
}

function texts(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(text);
  throw unexpected(value);
}

function object(value: unknown): JsonObject {
  if (isObject(value)) return value;
  throw unexpected(value);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unexpected(value: unknown): SpillwayError {
  return new SpillwayError(
    'INTERNAL',
    `The search engine answered ${JSON.stringify(value)} where another type was asked.`,
  );
}
