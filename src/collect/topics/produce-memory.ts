/**
 * Idempotency-Keys of requests that produce, over a restart. The log has them all; a file says how far it was read, with
 * what was found up to there. The file is a hint: where it is missing, broken or of another log, the last day is read.
 */
import { dirname } from 'node:path';
import { RecordCursor } from '../../event/record-batch.ts';
import { type Disk, nodeDisk } from '../../lib/disk.ts';
import { makeDirectories, readWhole, replaceFile } from '../../lib/disk-files.ts';
import { messageOf } from '../../lib/errors.ts';
import type { CollectLimits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { type Appended, offset, type PartitionWriter, type Queue, type TopicPartition } from '../../queue/port.ts';
import { KEY_HEADER, type ProduceKeys, type WrittenKey } from '../inputs/topics/produce-keys.ts';

const FORMAT = 'spillway-topic-keys-1';

interface Written {
  readonly format: unknown;
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
  readonly #disk: Disk = nodeDisk;
  /** Up to where each partition was read or written here. */
  readonly #ends: Record<string, number>;
  /** Of partitions that are not read yet, from the file: they stay in it. */
  #timer: NodeJS.Timeout | undefined;
  #written = '';

  private constructor(options: ProduceMemoryOptions, ends: Readonly<Record<string, number>>) {
    this.#options = options;
    this.#ends = Object.assign(Object.create(null), ends);
  }

  static async open(options: ProduceMemoryOptions): Promise<ProduceMemory> {
    const found = await read(options);
    if (found !== undefined) options.keys.restore(found.keys);
    const memory = new ProduceMemory(options, found?.ends ?? {});
    if (options.file !== undefined) {
      memory.#timer = setInterval(() => void memory.#write(), options.limits.keySnapshotMs);
      memory.#timer.unref();
    }
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
  async close(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    await this.#write();
  }

  #recallBatch({ partition }: TopicPartition, bytes: Buffer): void {
    const record = new RecordCursor(bytes);
    if (!record.next()) return;
    const header = record.headerValue(KEY_HEADER);
    if (header === undefined) return;
    const { recordCount: count } = record.header;
    this.#options.keys.recall(header.toString(), record.timestampMs, { partition, baseOffset: record.offset, count });
  }

  async #write(): Promise<void> {
    const { file, keys, log } = this.#options;
    if (file === undefined) return;
    const written: Written = { format: FORMAT, ends: this.#ends, keys: keys.written() };
    const text = JSON.stringify(written);
    if (text === this.#written) return;
    try {
      await makeDirectories(this.#disk, dirname(file));
      await replaceFile(this.#disk, file, Buffer.from(text));
      this.#written = text;
    } catch (thrown) {
      log.warn({ file, reason: messageOf(thrown) }, 'the file of keys was not written; the log has the keys');
    }
  }
}

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

async function read({ file, log }: ProduceMemoryOptions): Promise<Written | undefined> {
  if (file === undefined) return undefined;
  try {
    const bytes = await readWhole(nodeDisk, file);
    if (bytes === undefined) return undefined;
    const found: Written = JSON.parse(bytes.toString());
    if (found.format === FORMAT) return found;
    log.warn({ file }, 'this is not a file of keys; the last day of the topics is read instead');
  } catch (thrown) {
    log.warn(
      { file, reason: messageOf(thrown) },
      'the file of keys cannot be read; the last day of the topics is read instead',
    );
  }
  return undefined;
}
