/**
 * What Kafka has no place for, in small topics of one partition: how topics came to their partitions, with the barriers
 * of additions (see `Queue.registerBarrier`), and what users created. The newest record is the whole state. Whoever
 * changes it takes the topic's partition over first, as a writer does: so changes follow one another, and none is lost.
 */
import { RecordBatchBuilder, RecordCursor } from '../../event/record-batch.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { offset, type PartitionReader, type PartitionWriter, type TopicPartition } from '../port.ts';
import type { TopicRecord } from '../segment-log/coordinator-state.ts';

export interface ControlState {
  readonly version: 1;
  readonly topics: Record<string, TopicRecord>;
  /** Of the queue, in what others keep of it. */
  name?: string;
  /** What the members of a group write to, where that may be one thing only. */
  outputs?: Readonly<Record<string, string>>;
  /** Which search engine is in use and where others were left, as the store writes it. */
  engines?: string;
  /** Kafka's ids of the topics; of some, what was written by an earlier version of Spillway has none. */
  readonly ids: Record<string, string>;
}

export interface ControlLogOptions<State> {
  readonly empty: () => State;
  /** From what a record says. */
  readonly parse: (written: State) => State;
  readonly log: Logger;
  readonly at: TopicPartition;
  readonly openReader: (at: TopicPartition) => PartitionReader;
  readonly openWriter: (at: TopicPartition) => Promise<PartitionWriter>;
  /** Removes the records before, which nobody needs any more. */
  readonly removeBefore: (at: TopicPartition, position: number) => Promise<void>;
}

const ATTEMPTS = 20;

export class ControlLog<State extends { readonly version: number }> {
  readonly #options: ControlLogOptions<State>;
  #state: State;
  #readTo = 0;

  constructor(options: ControlLogOptions<State>) {
    this.#options = options;
    this.#state = options.empty();
  }

  /** As last read. */
  get state(): State {
    return this.#state;
  }

  /** Reads what was changed meanwhile; whether anything was. */
  async refresh(): Promise<boolean> {
    const before = this.#state;
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
      this.#readTo = Math.max(this.#readTo, end);
    } finally {
      await reader.close();
    }
    return this.#state !== before;
  }

  /** Whether it would change what was read last. */
  wouldChange(change: (state: State) => boolean): boolean {
    return change(this.#copy());
  }

  /** `change` says whether it changed anything; it may be called again, with a newer state. Durable when it resolves. */
  async change(change: (state: State) => boolean): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await this.refresh();
      if (!change(this.#copy())) return;
      try {
        await this.#changeAlone(change);
        return;
      } catch (thrown) {
        const isFenced = thrown instanceof SpillwayError && thrown.code === 'QUEUE_FENCED';
        if (!isFenced || attempt === ATTEMPTS) throw thrown;
      }
    }
  }

  async #changeAlone(change: (state: State) => boolean): Promise<void> {
    const writer = await this.#options.openWriter(this.#options.at);
    try {
      await this.refresh();
      const next = this.#copy();
      if (!change(next)) return;
      const builder = new RecordBatchBuilder();
      const value = Buffer.from(JSON.stringify(next));
      builder.append(value, 0, value.length, Date.now());
      const { baseOffset, nextOffset } = await writer.append(builder.finish());
      this.#state = next;
      this.#readTo = nextOffset;
      await this.#options.removeBefore(this.#options.at, baseOffset).catch((thrown: unknown) => {
        this.#options.log.debug({ reason: messageOf(thrown) }, 'earlier states of the queue were not removed');
      });
    } finally {
      await writer.close();
    }
  }

  #copy(): State {
    return this.#options.parse(structuredClone(this.#state));
  }

  #take(batch: Buffer): void {
    const record = new RecordCursor(batch);
    while (record.next()) {
      const state: State = JSON.parse(record.value().toString('utf8'));
      if (state.version !== 1) {
        throw new SpillwayError(
          'QUEUE_TOPIC_INVALID',
          `The topic ${this.#options.at.topic} was written by a newer version of Spillway: use that one.`,
        );
      }
      this.#state = this.#options.parse(state);
    }
  }
}

export const CONTROL = {
  empty: (): ControlState => ({ version: 1, topics: Object.create(null), ids: Object.create(null) }),
  parse: ({ topics, ids, ...others }: Partial<ControlState>): ControlState => ({
    ...others,
    version: 1,
    topics: Object.assign(Object.create(null), topics),
    ids: Object.assign(Object.create(null), ids),
  }),
};
