/**
 * What Kafka has no place for, in a small topic of its own: how the topics came to their partitions, and the barriers of
 * additions (see `Queue.registerBarrier`). The newest record is the whole state. Whoever changes it takes the topic's
 * partition over first, as a writer does: so changes follow one another, and none is lost.
 */
import { RecordBatchBuilder, RecordCursor } from '../../event/record-batch.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { offset, type PartitionReader, type PartitionWriter, type TopicPartition } from '../port.ts';
import type { TopicRecord } from '../segment-log/coordinator-state.ts';

export interface ControlState {
  readonly version: 1;
  readonly topics: Record<string, TopicRecord>;
  /** Kafka's ids of the topics; of some, what was written by an earlier version of Spillway has none. */
  readonly ids: Record<string, string>;
}

export interface ControlLogOptions {
  readonly at: TopicPartition;
  readonly openReader: (at: TopicPartition) => PartitionReader;
  readonly openWriter: (at: TopicPartition) => Promise<PartitionWriter>;
}

const ATTEMPTS = 20;

export class ControlLog {
  readonly #options: ControlLogOptions;
  #state: ControlState = emptyControl();
  #readTo = 0;

  constructor(options: ControlLogOptions) {
    this.#options = options;
  }

  /** As last read. */
  get state(): ControlState {
    return this.#state;
  }

  /** Reads what was changed meanwhile. */
  async refresh(): Promise<void> {
    const reader = this.#options.openReader(this.#options.at);
    try {
      const end = await reader.endOffset();
      // The newest record is enough.
      for (let from = Math.max(this.#readTo, (await reader.earliestOffset()) as number); from < end; ) {
        const { batches, nextOffset } = await reader.read(offset(from));
        for (const { bytes } of batches) this.#take(bytes);
        if (nextOffset === from) break;
        from = nextOffset;
      }
      this.#readTo = end;
    } finally {
      await reader.close();
    }
  }

  /** `change` says whether it changed anything; it may be called again, with a newer state. Durable when it resolves. */
  async change(change: (state: ControlState) => boolean): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await this.refresh();
      if (!change(structuredClone(this.#state))) return;
      try {
        await this.#changeAlone(change);
        return;
      } catch (thrown) {
        const isFenced = thrown instanceof SpillwayError && thrown.code === 'QUEUE_FENCED';
        if (!isFenced || attempt === ATTEMPTS) throw thrown;
      }
    }
  }

  async #changeAlone(change: (state: ControlState) => boolean): Promise<void> {
    const writer = await this.#options.openWriter(this.#options.at);
    try {
      await this.refresh();
      const next = structuredClone(this.#state);
      if (!change(next)) return;
      const builder = new RecordBatchBuilder();
      const value = Buffer.from(JSON.stringify(next));
      builder.append(value, 0, value.length, Date.now());
      const { nextOffset } = await writer.append(builder.finish());
      this.#state = next;
      this.#readTo = nextOffset;
    } finally {
      await writer.close();
    }
  }

  #take(batch: Buffer): void {
    const record = new RecordCursor(batch);
    while (record.next()) {
      const state: Partial<ControlState> = JSON.parse(record.value().toString('utf8'));
      if (state.version !== 1) {
        throw new SpillwayError(
          'QUEUE_TOPIC_INVALID',
          `The topic ${this.#options.at.topic} was written by a newer version of Spillway: use that one.`,
        );
      }
      this.#state = {
        version: 1,
        topics: Object.assign(Object.create(null), state.topics),
        ids: Object.assign(Object.create(null), state.ids),
      };
    }
  }
}

function emptyControl(): ControlState {
  return { version: 1, topics: Object.create(null), ids: Object.create(null) };
}
