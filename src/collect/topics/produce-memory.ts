/**
 * Idempotency-Keys of requests that produce, over a restart. The log has them all; a file says how far it was read, with
 * what was found up to there.
 */
import { RecordCursor } from '../../event/record-batch.ts';
import type { CollectLimits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { type Appended, offset, type PartitionWriter, type Queue, type TopicPartition } from '../../queue/port.ts';
import { KEY_HEADER, type ProduceKeys, type WrittenKey } from '../inputs/topics/produce-keys.ts';
import { KeyFile } from '../key-file.ts';

const FORMAT = 'spillway-topic-keys-1';

interface Written {
  readonly ends: Readonly<Record<string, number>>;
  readonly keys: readonly WrittenKey[];
}

export interface ProduceMemoryOptions {
  readonly keys: ProduceKeys;
  readonly queue: Pick<Queue, 'openReader'>;
  /** Records of before are not looked at. */
  readonly fromMs: number;
  readonly limits: CollectLimits;
  readonly log: Logger;
  /** Absolute; without it every start reads the day. */
  readonly file: string | undefined;
}

export class ProduceMemory {
  readonly #options: ProduceMemoryOptions;
  /** Up to where each partition was read or written here. */
  readonly #ends: Record<string, number> = Object.create(null);
  readonly #file: KeyFile<Written>;

  private constructor(options: ProduceMemoryOptions) {
    this.#options = options;
    const { file, limits, log, keys } = options;
    const content = (): Written => ({ ends: this.#ends, keys: keys.written() });
    this.#file = new KeyFile({ file, format: FORMAT, content, everyMs: limits.keySnapshotMs, log });
  }

  static async open(options: ProduceMemoryOptions): Promise<ProduceMemory> {
    const memory = new ProduceMemory(options);
    const found = await memory.#file.read();
    if (found !== undefined) options.keys.restore(found.keys);
    // Also of partitions that are not read yet: they stay in the file.
    Object.assign(memory.#ends, found?.ends);
    memory.#file.writeNowAndThen();
    return memory;
  }

  /** Reads what is in the log and not in the file, up to where the writer begins. */
  async recall(writer: PartitionWriter): Promise<void> {
    const at = { topic: writer.topic, partition: writer.partition };
    const name = nameOf(at);
    const { nextOffset } = writer;
    const reader = this.#options.queue.openReader(at);
    try {
      const earliest = await reader.earliestOffset();
      const known = this.#ends[name];
      // A file that knows more than there is, is of a log that is not there any more.
      const isKnown = known !== undefined && known <= nextOffset;
      let position = isKnown ? offset(Math.max(known, earliest)) : await reader.offsetAtTime(this.#options.fromMs);
      while (position < nextOffset) {
        const { batches, nextOffset: next } = await reader.read(position);
        for (const { bytes } of batches) this.#recallBatch(at, bytes);
        if (next <= position) break;
        position = next;
      }
      this.#ends[name] = Math.max(isKnown ? known : 0, nextOffset);
    } finally {
      await reader.close();
    }
  }

  /** A batch of ours is durable, and its keys are known. */
  appended(at: TopicPartition, { nextOffset }: Appended): void {
    const name = nameOf(at);
    const known = this.#ends[name];
    // What is before is still to be read back otherwise.
    if (known !== undefined && nextOffset > known) this.#ends[name] = nextOffset;
  }

  /** Call it when no request is under way. */
  close(): Promise<void> {
    return this.#file.close();
  }

  #recallBatch({ partition }: TopicPartition, bytes: Buffer): void {
    const record = new RecordCursor(bytes);
    if (!record.next()) return;
    const header = record.headerValue(KEY_HEADER);
    if (header === undefined) return;
    const { recordCount: count } = record.header;
    this.#options.keys.recall(header.toString(), record.timestampMs, { partition, baseOffset: record.offset, count });
  }
}

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;
