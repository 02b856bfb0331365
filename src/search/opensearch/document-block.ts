/** Events of one insert, parsed and checked, with the bytes of their records: those go into the index as they are. */
import type { StoredEvent } from '../../event/event.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { type IdNumbers, idNumbers } from '../ids.ts';
import type { PathType } from '../path-types.ts';
import type { Placement, RowFacts, WriteBatch, WriteBlock } from '../port.ts';
import { documentOf, documentParts, type TypedValue } from './document.ts';
import { FIELD, type ValueType } from './mapping.ts';

export interface Row {
  readonly event: StoredEvent;
  readonly id: IdNumbers;
  readonly placement: Placement;
  readonly record: { readonly partition: number; readonly offset: number; readonly timestampMs: number };
  readonly bytes: Buffer;
}

export class DocumentBatch implements WriteBatch {
  rows: readonly Row[];

  constructor(rows: readonly Row[]) {
    this.rows = rows;
  }

  discard(): void {
    this.rows = [];
  }
}

export class DocumentBlock implements WriteBlock {
  #rows: Row[] = [];
  #bytes = 0;

  get rows(): number {
    return this.#rows.length;
  }

  get isFull(): boolean {
    return this.rows >= OPENSEARCH_LIMITS.insertRows || this.#bytes >= OPENSEARCH_LIMITS.insertBytes;
  }

  add(
    source: Buffer,
    start: number,
    end: number,
    record: Row['record'],
    place: (facts: RowFacts) => Placement | undefined,
  ): boolean {
    const { event, id } = readEvent(source.toString('utf8', start, end));
    const { tenant, timestamp: timestampMs, received: receivedMs } = event;
    const placement = place({ tenant, timestampMs, receivedMs });
    if (placement === undefined) return false;
    this.#rows.push({ event, id, placement, record, bytes: Buffer.from(source.subarray(start, end)) });
    this.#bytes += end - start;
    return true;
  }

  /** Every type of a path has a field of its own in the index; nothing has to be known before. */
  pathTypes(): Iterable<PathType> {
    return [];
  }

  async finish(): Promise<WriteBatch | undefined> {
    const rows = this.#rows;
    this.clear();
    return rows.length === 0 ? undefined : new DocumentBatch(rows);
  }

  clear(): void {
    this.#rows = [];
    this.#bytes = 0;
  }
}

/** The largest of JavaScript's Date, epoch ms. */
const MAX_TIME_MS = 8.64e15;
const TEXTS = ['type', 'source', 'level', 'message', 'layout', 'original', 'exact'] as const;
const OBJECTS = ['metadata', 'payload'] as const;

/** Throws EVENT_REFUSED for what is no stored event. */
function readEvent(text: string): { readonly event: StoredEvent; readonly id: IdNumbers } {
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

/** A row on its way: what it brings to the mapping, and the lines of its request. */
export interface Prepared {
  readonly row: Row;
  readonly index: string;
  readonly typed: readonly TypedValue[];
  /** `origin` names the queue that offsets are of. */
  lines(target: string, origin: string, isTyped: (type: ValueType, name: string) => boolean): Buffer;
}

const LINE_END = Buffer.from('}\n');
const NEWLINE = 0x0a;

export function prepare(row: Row, index: string): Prepared {
  const parts = documentParts(row.event);
  return {
    row,
    index,
    typed: parts.typed,
    lines: (target, origin, isTyped) => {
      const place = { queue: `${origin}/${row.record.partition}`, offset: row.record.offset };
      const document = JSON.stringify(documentOf(row.event, row.id, place, parts, isTyped));
      const action = JSON.stringify({ create: { _index: target, _id: row.event.id } });
      const head = `${action}\n${document.slice(0, -1)},"${FIELD.event}":`;
      // Lines are what parts documents; JSON's own line ends are white space.
      const event = row.bytes.includes(NEWLINE) ? Buffer.from(JSON.stringify(row.event)) : row.bytes;
      return Buffer.concat([Buffer.from(head), event, LINE_END]);
    },
  };
}
