/** Parses one record, for tests. */
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, JsonValue, StoredEvent } from '../../event/event.ts';
import type { RawFormat, RawMeta } from '../../event/raw-meta.ts';
import { rebuild } from '../layout/rebuild.ts';
import type { RawRecord } from '../record.ts';
import { createTopology, type Topology } from '../topology.ts';

export const RECEIVED = Date.UTC(2026, 10, 23, 19, 45, 0);

export function recordOf(sent: string | Buffer, format: RawFormat, meta: Partial<RawMeta> = {}): RawRecord {
  const bytes = Buffer.from(sent);
  return {
    bytes,
    start: 0,
    end: bytes.length,
    meta: { tenant: 'default', input: 'test', remote: '192.0.2.7:5140', format, ...meta },
    receivedMs: RECEIVED,
    partition: 0,
    offset: 7,
    id: 'local.raw.0.7.0',
  };
}

export function parseWith(topology: Topology, record: RawRecord): StoredEvent {
  const json = topology.run(record);
  if (typeof json !== 'string') throw new Error(`dropped by ${json.rule}`);
  return JSON.parse(json);
}

/** The event of one record, parsed by a topology of its own. */
export function parse(sent: string | Buffer, format: RawFormat, meta: Partial<RawMeta> = {}): StoredEvent {
  return parseWith(createTopology(), recordOf(sent, format, meta));
}

/** Whether the sent bytes come back from the event as a search engine gives it: members in another order. */
export function rebuilds(event: StoredEvent, sent: string | Buffer): boolean {
  const shuffled = { ...event, metadata: reversed(event.metadata), payload: reversed(event.payload) };
  return isDeepStrictEqual(rebuild(shuffled), Buffer.from(sent));
}

function reversed(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object)
      .reverse()
      .map(([key, value]) => [key, reversedValue(value)]),
  );
}

function reversedValue(value: JsonValue): JsonValue {
  if (value === null || typeof value !== 'object') return value;
  return Array.isArray(value) ? value.map(reversedValue) : reversed(value);
}

/** What an event may not have, as a list of complaints (event/event.ts). */
export function complaints(event: StoredEvent): string[] {
  const found: string[] = [];
  if (!Number.isSafeInteger(event.timestamp)) found.push('timestamp');
  if (event.timestamp < 0 || event.timestamp > Date.UTC(9999, 11, 31, 23, 59, 59, 999)) found.push('time out of range');
  if (!JSON.stringify(event).isWellFormed()) found.push('lone surrogate');
  checkObject(event.metadata, 'metadata', 1, found);
  checkObject(event.payload, 'payload', 1, found);
  return found;
}

function checkObject(object: JsonObject, place: string, depth: number, found: string[]): void {
  if (depth > 32) found.push(`${place} is too deep`);
  for (const [key, value] of Object.entries(object)) {
    const at = `${place}/${key}`;
    if (key.includes('.') || key === '') found.push(`${at}: key`);
    if (Buffer.byteLength(key) > 2 * 256) found.push(`${at}: long key`);
    checkValue(value, at, depth, found);
  }
}

function checkValue(value: JsonValue, at: string, depth: number, found: string[]): void {
  if (value === null) found.push(`${at}: null`);
  else if (typeof value === 'number') {
    if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) > 2 ** 53)) found.push(`${at}: number`);
  } else if (typeof value === 'string') {
    if (/[\ud800-\udfff]/u.test(value)) found.push(`${at}: surrogate`);
  } else if (Array.isArray(value)) {
    if (value.length === 0) found.push(`${at}: []`);
    if (new Set(value.map((item) => (Array.isArray(item) ? 'array' : typeof item))).size > 1)
      found.push(`${at}: mixed`);
    for (const item of value) checkValue(item, at, depth + 1, found);
  } else if (typeof value === 'object') {
    if (Object.keys(value).length === 0) found.push(`${at}: {}`);
    checkObject(value, at, depth + 1, found);
  }
}
