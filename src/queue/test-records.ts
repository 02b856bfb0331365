/** Batches made from texts and read back, and members of groups, for tests of the queue. */
import { encodeHeaders, RecordBatchBuilder, RecordCursor } from '../event/record-batch.ts';
import { placeOf } from './place.ts';
import {
  type AssignedPartition,
  type GroupMember,
  type Offset,
  offset,
  type PartitionReader,
  type Queue,
  type TopicPartition,
} from './port.ts';

export interface TestRecord {
  readonly value: string;
  readonly timestampMs?: number;
  readonly key?: string;
  readonly headers?: readonly (readonly [string, Buffer])[];
}

export function batchOf(records: readonly TestRecord[], compression: 'none' | 'zstd' = 'none'): Buffer {
  const builder = new RecordBatchBuilder({ compression });
  for (const { value, timestampMs = 1_000, key, headers = [] } of records) {
    const bytes = Buffer.from(value);
    const keyBytes = key === undefined ? undefined : Buffer.from(key);
    builder.append(bytes, 0, bytes.length, timestampMs, encodeHeaders(headers), keyBytes);
  }
  return builder.finish();
}

export const values = (...texts: string[]): Buffer => batchOf(texts.map((value) => ({ value })));

export interface ReadRecord {
  readonly offset: number;
  readonly value: string;
}

/** All records from the offset to the durable end. */
export async function readAll(reader: PartitionReader, from: number, maxBytes?: number): Promise<ReadRecord[]> {
  const records: ReadRecord[] = [];
  let next = offset(from);
  for (;;) {
    const read = await reader.read(next, maxBytes === undefined ? {} : { maxBytes });
    for (const { bytes } of read.batches) {
      const record = new RecordCursor(bytes);
      while (record.next()) {
        if (record.offset >= from) records.push({ offset: record.offset, value: record.value().toString() });
      }
    }
    if (read.nextOffset === next) return records;
    next = read.nextOffset;
  }
}

/** A member that remembers what it was given. It releases nothing by itself. */
export class TestMember {
  readonly member: GroupMember;
  readonly #held: Map<string, AssignedPartition>;

  private constructor(member: GroupMember, held: Map<string, AssignedPartition>) {
    this.member = member;
    this.#held = held;
  }

  static async join(queue: Queue, group: string, topics: readonly string[] = ['raw']): Promise<TestMember> {
    const held = new Map<string, AssignedPartition>();
    const onAssigned = (partition: AssignedPartition) => void held.set(placeOf(partition), partition);
    return new TestMember(await queue.joinGroup(group, { topics, onAssigned }), held);
  }

  /** What it has and was not asked to give up, as `topic/partition`. */
  get keys(): string[] {
    return [...this.#held].flatMap(([key, { revoked }]) => (revoked.aborted ? [] : [key])).sort();
  }

  /** The newest assignment of the partition. Throws where there was none. */
  held(at: TopicPartition): AssignedPartition {
    const found = this.#held.get(placeOf(at));
    if (found === undefined) throw new Error(`${this.member.id} was never assigned ${placeOf(at)}`);
    return found;
  }

  commit(at: TopicPartition, position: number): Promise<void> {
    return this.held(at).commit(offset(position));
  }

  committed(at: TopicPartition): Promise<Offset | undefined> {
    return this.member.committed(at);
  }

  /** Gives up what it was asked to. */
  async releaseRevoked(): Promise<void> {
    for (const [key, partition] of this.#held) {
      if (!partition.revoked.aborted) continue;
      this.#held.delete(key);
      await partition.release();
    }
  }

  leave(): Promise<void> {
    return this.member.leave();
  }
}
