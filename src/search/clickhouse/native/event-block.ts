/**
 * Events as one block of ClickHouse's Native format, in the columns of schema.ts. A row is added by the bytes of its
 * record; one that cannot be taken is thrown back (EVENT_REFUSED) and leaves no trace.
 */
import { SpillwayError } from '../../../lib/errors.ts';
import { STORE_LIMITS } from '../../../lib/limits.ts';
import type { PathType } from '../../path-types.ts';
import type { Placement, RowFacts } from '../../port.ts';
import type { SliceKey } from '../../slices.ts';
import { MAX_TIME_MS } from '../schema.ts';
import type { SliceNumber } from '../slice-numbers.ts';
import type { StringColumn } from './columns.ts';
import { createColumns, encodeBlock, inBlockOrder } from './event-columns.ts';
import { readId } from './event-id.ts';
import { type ExpectedMember, MEMBERS, type Member, TEXTS } from './event-members.ts';
import type { JsonColumn } from './json-column.ts';
import { JsonScanner } from './json-scanner.ts';
import { TenantNames } from './tenant-names.ts';

/** Gives a slice its numbers in the table. */
export type NumberOf = (slice: SliceKey) => SliceNumber;

export class EventBlock {
  readonly #numberOf: NumberOf;
  /** Of the last row. */
  #slice: SliceKey | undefined;
  #number: SliceNumber = { kind: 0, start: 0 };
  readonly #columns: ReturnType<typeof createColumns>;
  readonly #data: ReturnType<typeof inBlockOrder>;
  readonly #texts: readonly StringColumn[];
  readonly #scanner = new JsonScanner();
  readonly #sequence: ExpectedMember[] = [];
  readonly #tenants = new TenantNames();
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
    this.#data = inBlockOrder(columns);
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
    return encodeBlock(this.#data, this.#rows);
  }

  clear(): void {
    for (const data of this.#data) data.clear();
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
        readId(scanner, columns, this.#queuePartition, this.#queueOffset);
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
    this.#tenant = this.#tenants.of(bytes, textStart, textEnd);
  }
}

function isTime(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) <= MAX_TIME_MS;
}

export function refused(thrown: unknown): thrown is SpillwayError {
  return thrown instanceof SpillwayError && thrown.code === 'EVENT_REFUSED';
}
