/**
 * Events as one block of ClickHouse's Native format, in the columns of schema.ts. A row is added by the bytes of its
 * record; one that cannot be taken is thrown back (EVENT_REFUSED) and leaves no trace.
 */
import { SpillwayError } from '../../../lib/errors.ts';
import { STORE_LIMITS } from '../../../lib/limits.ts';
import { isUuid, uuidHalves } from '../../ids.ts';
import type { PathType } from '../../path-types.ts';
import type { Placement, RowFacts } from '../../port.ts';
import type { SliceKey } from '../../slices.ts';
import { EVENT_COLUMNS, INDEXED_IDS, MAX_TIME_MS } from '../schema.ts';
import type { SliceNumber } from '../slice-numbers.ts';
import { ArrayColumn, ByteSink, type ColumnData, NumberColumn, StringColumn } from './columns.ts';
import { JsonColumn } from './json-column.ts';
import { type ExpectedKey, JsonScanner } from './json-scanner.ts';

type Member =
  | 'id'
  | 'tenant'
  | 'timestamp'
  | 'received'
  | 'type'
  | 'source'
  | 'level'
  | 'message'
  | 'tags'
  | 'metadata'
  | 'payload'
  | 'layout'
  | 'original'
  | 'exact';

interface ExpectedMember extends ExpectedKey {
  readonly name: Member;
  /** A bit of its own. */
  readonly bit: number;
}

const MEMBER_NAMES: readonly Member[] = [
  'id',
  'tenant',
  'timestamp',
  'received',
  'type',
  'source',
  'level',
  'message',
  'tags',
  'metadata',
  'payload',
  'layout',
  'original',
  'exact',
];
const MEMBERS: ReadonlyMap<string, ExpectedMember> = new Map(
  MEMBER_NAMES.map((name, i) => [name, { name, bit: 1 << i, key: Buffer.from(name) }]),
);
const TEXTS = ['type', 'source', 'level', 'message', 'layout', 'original', 'exact'] as const;
const DOT = 0x2e;
/** Their index is on texts. */
const IDS: ReadonlySet<string> = new Set(INDEXED_IDS);

function createColumns(hasWords: boolean) {
  return {
    retention_days: new NumberColumn('UInt16'),
    slice_day: new NumberColumn('UInt32'),
    queue_partition: new NumberColumn('UInt16'),
    queue_offset: new NumberColumn('Int64'),
    tenant: new StringColumn(),
    timestamp: new NumberColumn('Int64'),
    delay: new NumberColumn('Int64'),
    id_site: new StringColumn(),
    id_topic: new StringColumn(),
    id_shift: new NumberColumn('Int32'),
    id_lag: new NumberColumn('Int64'),
    id_index: new NumberColumn('Int64'),
    type: new StringColumn(),
    source: new StringColumn(),
    level: new StringColumn(),
    messageless: new NumberColumn('UInt8'),
    message: new StringColumn(),
    tags: new ArrayColumn(new StringColumn()),
    metadata: new JsonColumn(() => hasWords),
    payload: new JsonColumn((path) => hasWords && !IDS.has(path)),
    layout: new StringColumn(),
    original: new StringColumn(),
    exact: new StringColumn(),
  };
}

/** Gives a slice its numbers in the table. */
export type NumberOf = (slice: SliceKey) => SliceNumber;

export class EventBlock {
  readonly #numberOf: NumberOf;
  /** Of the last row. */
  #slice: SliceKey | undefined;
  #number: SliceNumber = { kind: 0, start: 0 };
  readonly #columns: ReturnType<typeof createColumns>;
  readonly #data: readonly ColumnData[];
  /** Members that are '' where they are absent. */
  readonly #texts: readonly StringColumn[];
  readonly #scanner = new JsonScanner();
  readonly #sequence: ExpectedMember[] = [];
  readonly #tenants = new Map<string, string>();
  #lastTenant: { readonly key: Buffer; readonly name: string } = { key: Buffer.alloc(0), name: '' };
  #rows = 0;
  #bytes = 0;
  #queuePartition = 0;
  #queueOffset = 0;
  #tenant = '';
  #timestamp = Number.NaN;
  #received = Number.NaN;

  /** `hasWords`: false for a block as earlier versions made them. */
  constructor(numberOf: NumberOf, hasWords = true) {
    this.#numberOf = numberOf;
    const columns = createColumns(hasWords);
    this.#columns = columns;
    this.#data = EVENT_COLUMNS.map(({ name }) => columns[name]);
    this.#texts = TEXTS.map((name) => columns[name]);
  }

  get rows(): number {
    return this.#rows;
  }

  /** Bytes of the records that were added. */
  get recordBytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    const { metadata, payload } = this.#columns;
    const paths = metadata.pathCount + payload.pathCount;
    return (
      this.#rows >= STORE_LIMITS.insertRows ||
      this.#bytes >= STORE_LIMITS.insertBytes ||
      paths >= STORE_LIMITS.blockPaths ||
      paths * this.#rows >= STORE_LIMITS.blockCells
    );
  }

  /**
   * Adds the event in `source[start, end)`, which is the record `queueOffset` of partition `queuePartition` of
   * `events`. `place` says where it belongs; undefined takes the row back.
   */
  add(
    source: Buffer,
    start: number,
    end: number,
    queuePartition: number,
    queueOffset: number,
    place: (facts: RowFacts) => Placement | undefined,
  ): boolean {
    const row = this.#rows;
    this.#queuePartition = queuePartition;
    this.#queueOffset = queueOffset;
    try {
      this.#read(source, start, end);
      const placement = place({ tenant: this.#tenant, timestampMs: this.#timestamp, receivedMs: this.#received });
      if (placement !== undefined) {
        if (placement.slice !== this.#slice) {
          this.#number = this.#numberOf(placement.slice);
          this.#slice = placement.slice;
        }
        this.#columns.retention_days.push(this.#number.kind);
        this.#columns.slice_day.push(this.#number.start);
        this.#columns.queue_partition.push(queuePartition);
        this.#columns.queue_offset.push(queueOffset);
        this.#rows = row + 1;
        this.#bytes += end - start;
        return true;
      }
    } catch (thrown) {
      this.#truncate(row);
      throw thrown;
    }
    this.#truncate(row);
    return false;
  }

  /** Which types stand at which paths. */
  *pathTypes(): Generator<PathType> {
    for (const root of ['metadata', 'payload'] as const) {
      for (const [type, path] of this.#columns[root].pathTypes()) yield [root, type, path];
    }
  }

  /** The block's bytes, in pieces that are valid until the next `add` or `clear`. */
  encode(): Buffer[] {
    const pieces: Buffer[] = [];
    const head = new ByteSink(64);
    head.varuint(EVENT_COLUMNS.length);
    head.varuint(this.#rows);
    pieces.push(head.used());
    for (const [i, { name, type }] of EVENT_COLUMNS.entries()) {
      const prefix = new ByteSink(64);
      prefix.text(name);
      prefix.text(type);
      const data = this.#data[i];
      data?.writePrefix(prefix);
      pieces.push(prefix.used());
      data?.pieces(pieces);
    }
    return pieces;
  }

  clear(): void {
    for (const data of this.#data) data.clear();
    if (this.#tenants.size > STORE_LIMITS.rememberedPaths) this.#tenants.clear();
    this.#rows = 0;
    this.#bytes = 0;
    this.#slice = undefined;
  }

  #truncate(rows: number): void {
    for (const data of this.#data) data.truncate(rows);
  }

  #read(source: Buffer, start: number, end: number): void {
    const scanner = this.#scanner;
    scanner.begin(source, start, end);
    this.#tenant = '';
    this.#timestamp = Number.NaN;
    this.#received = Number.NaN;
    if (scanner.openObject()) {
      let index = 0;
      let seen = 0;
      do {
        const { name, bit } = this.#nextMember(index++);
        if ((seen & bit) !== 0) throw scanner.fail(`${name} occurs twice`);
        seen |= bit;
        this.#member(name);
      } while (scanner.moreMembers());
    }
    this.#finishRow();
  }

  #nextMember(index: number): ExpectedMember {
    const scanner = this.#scanner;
    const expected = this.#sequence[index];
    if (expected !== undefined && scanner.isKey(expected)) return expected;
    const key = scanner.key();
    const member = MEMBERS.get(key);
    if (member === undefined) throw scanner.fail(`${JSON.stringify(key)} is no member of an event`);
    this.#sequence[index] = member;
    return member;
  }

  #member(name: Member): void {
    const scanner = this.#scanner;
    const columns = this.#columns;
    switch (name) {
      case 'id':
        this.#readId();
        return;
      case 'tenant':
        this.#readTenant();
        return;
      case 'timestamp':
        this.#timestamp = scanner.number();
        return;
      case 'received':
        this.#received = scanner.number();
        return;
      case 'tags':
        if (scanner.openArray()) {
          do scanner.stringInto(columns.tags.elements);
          while (scanner.moreElements());
        }
        columns.tags.endArray();
        return;
      case 'metadata':
        this.#readObject(columns.metadata);
        return;
      case 'payload':
        this.#readObject(columns.payload);
        return;
      case 'type':
        scanner.stringInto(columns.type);
        return;
      case 'source':
        scanner.stringInto(columns.source);
        return;
      case 'level':
        scanner.stringInto(columns.level);
        return;
      case 'message':
        scanner.stringInto(columns.message);
        return;
      case 'layout':
        scanner.stringInto(columns.layout);
        return;
      case 'original':
        scanner.stringInto(columns.original);
        return;
      case 'exact':
        scanner.stringInto(columns.exact);
    }
  }

  #readObject(column: JsonColumn): void {
    this.#scanner.object(column, column.root, this.#rows);
    column.endRow();
  }

  #finishRow(): void {
    const row = this.#rows;
    const columns = this.#columns;
    if (columns.id_lag.rows !== row + 1 || columns.tenant.rows !== row + 1) {
      throw this.#scanner.fail('id or tenant is missing');
    }
    if (!isTime(this.#timestamp) || !isTime(this.#received)) {
      throw this.#scanner.fail('timestamp or received is missing or no time');
    }
    columns.timestamp.push(this.#timestamp);
    columns.delay.push(this.#received - this.#timestamp);
    columns.messageless.push(columns.message.rows === row ? 1 : 0);
    for (const text of this.#texts) if (text.rows === row) text.pushEmpty();
    if (columns.tags.rows === row) columns.tags.endArray();
    if (columns.metadata.rows === row) columns.metadata.endRow();
    if (columns.payload.rows === row) columns.payload.endRow();
  }

  #readTenant(): void {
    const scanner = this.#scanner;
    if (!scanner.text()) throw scanner.fail('a tenant has no escapes');
    const { bytes, textStart, textEnd } = scanner;
    this.#columns.tenant.pushBytes(bytes, textStart, textEnd);
    const last = this.#lastTenant;
    if (last.key.length === textEnd - textStart && last.key.compare(bytes, textStart, textEnd) === 0) {
      this.#tenant = last.name;
      return;
    }
    const name = bytes.toString('utf8', textStart, textEnd);
    let interned = this.#tenants.get(name);
    if (interned === undefined) {
      interned = name;
      this.#tenants.set(name, name);
    }
    this.#tenant = interned;
    this.#lastTenant = { key: Buffer.from(name), name: interned };
  }

  #readId(): void {
    const scanner = this.#scanner;
    if (!scanner.text()) throw scanner.fail('an id has no escapes');
    const { bytes, textStart, textEnd } = scanner;
    let at = textEnd - 1;
    const index = digitsBefore(bytes, textStart, at);
    at = index.at;
    const offset = digitsBefore(bytes, textStart, at);
    at = offset.at;
    const partition = digitsBefore(bytes, textStart, at);
    at = partition.at;
    const topicEnd = at + 1;
    while (at > textStart && bytes[at] !== DOT) at--;
    const well = index.ok && offset.ok && partition.ok && at > textStart && topicEnd > at + 1;
    if (!well || partition.value > 0xffff) {
      this.#readOtherId(bytes.toString('utf8', textStart, textEnd));
      return;
    }
    const columns = this.#columns;
    columns.id_site.pushBytes(bytes, textStart, at);
    columns.id_topic.pushBytes(bytes, at + 1, topicEnd);
    columns.id_shift.push(partition.value - this.#queuePartition);
    columns.id_lag.push(this.#queueOffset - offset.value);
    columns.id_index.push(index.value);
  }

  #readOtherId(id: string): void {
    if (!isUuid(id)) throw this.#scanner.fail('the id is neither an origin nor a UUID');
    const [high, low] = uuidHalves(id);
    const columns = this.#columns;
    columns.id_site.pushEmpty();
    columns.id_topic.pushEmpty();
    columns.id_shift.push(-this.#queuePartition);
    columns.id_lag.pushBig(BigInt(this.#queueOffset) - high);
    columns.id_index.pushBig(low);
  }
}

function isTime(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) <= MAX_TIME_MS;
}

interface Digits {
  ok: boolean;
  value: number;
  at: number;
}

/** The number that ends at `last`, and the position before the dot in front of it. */
function digitsBefore(bytes: Buffer, first: number, last: number): Digits {
  let at = last;
  let value = 0;
  let scale = 1;
  let byte = bytes[at] ?? 0;
  while (at > first && byte >= 0x30 && byte <= 0x39) {
    value += (byte - 0x30) * scale;
    scale *= 10;
    byte = bytes[--at] ?? 0;
  }
  const ok =
    at < last && byte === DOT && value <= Number.MAX_SAFE_INTEGER && (last - at === 1 || bytes[at + 1] !== 0x30);
  return { ok, value, at: at - 1 };
}

export function refused(thrown: unknown): thrown is SpillwayError {
  return thrown instanceof SpillwayError && thrown.code === 'EVENT_REFUSED';
}
