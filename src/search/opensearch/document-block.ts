/**
 * Events of one insert, as the lines of its requests. All that can be done for a row is done when it is added, while the
 * insert before is under way: so an insert merely sends.
 *
 * What is not known then is which names have typed fields in the index. It is taken that all have that their tenant may
 * bring; where that turns out wrong (it may bring no more, or somebody has removed the index) the row is encoded again.
 */
import type { StoredEvent } from '../../event/event.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { IdNumbers } from '../ids.ts';
import type { PathType } from '../path-types.ts';
import type { Placement, RowFacts, WriteBatch, WriteBlock } from '../port.ts';
import { documentOf, documentParts } from './document.ts';
import type { Wanted } from './field-budget.ts';
import { FIELD, writeAlias } from './mapping.ts';
import { isWhole } from './names.ts';
import { readEvent } from './stored-event.ts';
import type { TypedField, TypedPaths } from './typed-fields.ts';

/** Where it stood in the queue. */
interface Place {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
}

export interface Row {
  readonly id: string;
  /** Its slice, and the index that this is. */
  readonly placement: Placement;
  readonly index: string;
  /** Of the event. */
  readonly timestampMs: number;
  readonly receivedMs: number;
  readonly record: Place;
  /** The two lines that a request has of it. */
  readonly lines: Buffer;
  /** Whether typed fields hold all its values. */
  readonly isWhole: boolean;
  /** The record as it was. */
  readonly bytes: Buffer;
}

/** Typed fields that rows take to be there, by index and tenant. */
export type Assumed = ReadonlyMap<string, Wanted>;

export class DocumentBatch implements WriteBatch {
  rows: readonly Row[];
  assumed: Assumed;
  /** Lines again, where the index has not all that they assume. */
  readonly encode: (row: Row, known: TypedPaths) => Pick<Row, 'lines' | 'isWhole'>;

  constructor(rows: readonly Row[], assumed: Assumed, encode: DocumentBatch['encode']) {
    this.rows = rows;
    this.assumed = assumed;
    this.encode = encode;
  }

  discard(): void {
    this.rows = [];
    this.assumed = new Map();
  }
}

export interface BlockOptions {
  /** Names the queue that offsets are of. */
  readonly origin: string;
  readonly indexOf: (placement: Placement) => string;
  /** Whether it is known that the index has no such field and gets none from the tenant. */
  readonly lacks: (index: string, tenant: string, field: TypedField) => boolean;
}

export class DocumentBlock implements WriteBlock {
  readonly #options: BlockOptions;
  #rows: Row[] = [];
  #bytes = 0;
  #assumed = new Map<string, Map<string, Set<TypedField>>>();
  /** What the lines are written into, one after another. */
  #buffer = Buffer.alloc(0);
  #end = 0;

  constructor(options: BlockOptions) {
    this.#options = options;
  }

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
    record: Place,
    place: (facts: RowFacts) => Placement | undefined,
  ): boolean {
    const { event, id } = readEvent(source.toString('utf8', start, end));
    const { tenant, timestamp: timestampMs, received: receivedMs } = event;
    const placement = place({ tenant, timestampMs, receivedMs });
    if (placement === undefined) return false;
    const index = this.#options.indexOf(placement);
    const value = source.subarray(start, end);
    const isLine = !value.includes(NEWLINE);
    const eventBytes = isLine ? value : Buffer.from(JSON.stringify(event));
    const { origin } = this.#options;
    const { head, isWhole } = headOf({ event, id, index, record, origin, isTyped: this.#assuming(index, tenant) });
    const lines = this.#write(head, eventBytes);
    const eventStart = lines.length - LINE_END.length - eventBytes.length;
    const bytes = isLine ? lines.subarray(eventStart, eventStart + eventBytes.length) : Buffer.from(value);
    this.#rows.push({ id: event.id, placement, index, timestampMs, receivedMs, record, lines, isWhole, bytes });
    this.#bytes += lines.length;
    return true;
  }

  /** Every type of a path has a field of its own in the index; nothing has to be known before. */
  pathTypes(): Iterable<PathType> {
    return [];
  }

  async finish(): Promise<WriteBatch | undefined> {
    const rows = this.#rows;
    const { origin } = this.#options;
    const batch = new DocumentBatch(rows, this.#assumed, (row, known) => encodeAgain(row, origin, known));
    this.clear();
    return rows.length === 0 ? undefined : batch;
  }

  clear(): void {
    this.#rows = [];
    this.#bytes = 0;
    this.#assumed = new Map();
    this.#buffer = Buffer.alloc(0);
    this.#end = 0;
  }

  #assuming(index: string, tenant: string): IsTyped {
    const tenants = this.#assumed.get(index) ?? new Map();
    this.#assumed.set(index, tenants);
    const assumed: Set<TypedField> = tenants.get(tenant) ?? new Set();
    tenants.set(tenant, assumed);
    return (field) => {
      if (assumed.has(field)) return true;
      if (this.#options.lacks(index, tenant, field)) return false;
      assumed.add(field);
      return true;
    };
  }

  #write(head: string, event: Buffer): Buffer {
    const length = Buffer.byteLength(head) + event.length + LINE_END.length;
    if (length > this.#buffer.length - this.#end) {
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(length, OPENSEARCH_LIMITS.requestBytes));
      this.#end = 0;
    }
    const start = this.#end;
    let end = start + this.#buffer.write(head, start);
    end += event.copy(this.#buffer, end);
    end += LINE_END.copy(this.#buffer, end);
    this.#end = end;
    return this.#buffer.subarray(start, end);
  }
}

type IsTyped = (field: TypedField) => boolean;

const LINE_END = Buffer.from('}\n');
const NEWLINE = 0x0a;

interface Heading {
  readonly event: StoredEvent;
  readonly id: IdNumbers;
  readonly index: string;
  readonly record: Place;
  readonly origin: string;
  readonly isTyped: IsTyped;
}

/** The action, and the document up to the event itself, whose bytes stand in it as they are. */
function headOf({ event, id, index, record, origin, isTyped }: Heading): { head: string; isWhole: boolean } {
  const place = { queue: `${origin}/${record.partition}`, offset: record.offset };
  const document = documentOf(event, id, place, documentParts(event), isTyped);
  const action = JSON.stringify({ create: { _index: writeAlias(index), _id: event.id } });
  const head = `${action}\n${JSON.stringify(document).slice(0, -1)},"${FIELD.event}":`;
  return { head, isWhole: isWhole(document[FIELD.fields]) };
}

function encodeAgain({ bytes, index, record }: Row, origin: string, known: TypedPaths) {
  const { event, id } = readEvent(bytes.toString('utf8'));
  const isTyped: IsTyped = ({ path }) => known.has(path);
  // Lines are what parts documents; JSON's own line ends are white space.
  const line = bytes.includes(NEWLINE) ? Buffer.from(JSON.stringify(event)) : bytes;
  const { head, isWhole } = headOf({ event, id, index, record, origin, isTyped });
  return { lines: Buffer.concat([Buffer.from(head), line, LINE_END]), isWhole };
}
