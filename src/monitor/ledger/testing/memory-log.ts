/** A log in memory, for tests: batches get their offsets, and old ones can be removed. */
import { RecordBatchBuilder, readBatchHeader } from '../../../event/record-batch.ts';
import { SpillwayError } from '../../../lib/errors.ts';
import {
  type Appended,
  offset,
  type PartitionReader,
  type PartitionWriter,
  type ReadResult,
  type StoredBatch,
} from '../../../queue/port.ts';
import type { LedgerTopic } from '../ledger-topic.ts';

export class MemoryLog implements LedgerTopic {
  readonly #batches: StoredBatch[] = [];
  #earliest = 0;
  #end = 0;
  /** Batches of one read. */
  readonly #batchesAtOnce: number;
  /** Thrown by whatever asks something of it, while it is set. */
  failure: SpillwayError | undefined;
  /** Readers that have read something and are not closed. */
  readonly reading = new Set<object>();
  /** Reads of what is gone. */
  readsTooEarly = 0;

  constructor(batchesAtOnce = 10) {
    this.#batchesAtOnce = batchesAtOnce;
  }

  get end(): number {
    return this.#end;
  }

  append(batch: Buffer): Appended {
    if (this.failure !== undefined) throw this.failure;
    const bytes = Buffer.from(batch);
    bytes.writeBigInt64BE(BigInt(this.#end), 0);
    const { recordCount = 0, maxTimestampMs = 0 } = readBatchHeader(bytes) ?? {};
    const [baseOffset, nextOffset] = [offset(this.#end), offset(this.#end + recordCount)];
    this.#batches.push({ baseOffset, nextOffset, recordCount, maxTimestampMs, bytes });
    this.#end = nextOffset;
    return { baseOffset, nextOffset };
  }

  /** Offsets of nobody's records, as the marker of a takeover has one. */
  passOver(offsets: number): void {
    this.#end += offsets;
  }

  removeBefore(position: number): Promise<void> {
    this.#earliest = Math.max(this.#earliest, position);
    return Promise.resolve();
  }

  openWriter(): Promise<PartitionWriter> {
    const end = () => this.#end;
    return Promise.resolve({
      topic: 'memory',
      partition: 0,
      get nextOffset() {
        return offset(end());
      },
      saturated: false,
      drained: () => Promise.resolve(),
      append: async (batch) => this.append(batch),
      close: () => Promise.resolve(),
    });
  }

  openReader(): PartitionReader {
    const id = {};
    return {
      topic: 'memory',
      partition: 0,
      read: async (from) => {
        this.reading.add(id);
        return this.#read(from);
      },
      waitFor: () => Promise.resolve(),
      earliestOffset: async () => this.#answer(offset(this.#earliest)),
      endOffset: async () => this.#answer(offset(this.#end)),
      offsetAtTime: async () => this.#answer(offset(0)),
      close: async () => void this.reading.delete(id),
    };
  }

  #answer<T>(answer: T): T {
    if (this.failure !== undefined) throw this.failure;
    return answer;
  }

  #read(from: number): ReadResult {
    this.#answer(undefined);
    if (from < this.#earliest) {
      this.readsTooEarly++;
      throw new SpillwayError('QUEUE_OFFSET_OUT_OF_RANGE', `It begins at ${this.#earliest}.`);
    }
    const first = this.#batches.findIndex(({ nextOffset }) => nextOffset > from);
    const batches = first < 0 ? [] : this.#batches.slice(first, first + this.#batchesAtOnce);
    const isRest = first < 0 || first + batches.length === this.#batches.length;
    const nextOffset = isRest ? offset(Math.max(from, this.#end)) : (batches.at(-1)?.nextOffset ?? offset(from));
    return { batches, nextOffset, endOffset: offset(this.#end) };
  }
}

/** A batch of records of any kind. */
export function batchOfRecords(
  records: readonly {
    readonly value?: string;
    readonly timestampMs: number;
    readonly headers?: Buffer;
    readonly key?: string;
  }[],
): Buffer {
  const builder = new RecordBatchBuilder();
  for (const { value = 'x', timestampMs, headers, key } of records) {
    const bytes = Buffer.from(value);
    builder.append(bytes, 0, bytes.length, timestampMs, headers, key === undefined ? undefined : Buffer.from(key));
  }
  return builder.finish();
}
