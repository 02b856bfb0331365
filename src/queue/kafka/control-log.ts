/**
 * What Kafka has no place for, in small topics of one partition: how topics came to their partitions, with the barriers
 * of additions (see `Queue.registerBarrier`), and what users created. The newest record is the whole state. Whoever
 * changes it takes the topic's partition over first, as a writer does: so changes follow one another, and none is lost.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { RecordBatchBuilder, RecordCursor } from '../../event/record-batch.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { InTurn } from '../../lib/in-turn.ts';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { SharedTurn } from '../../lib/shared-turn.ts';
import { isFenced } from '../is-fenced.ts';
import { offset, type PartitionReader, type PartitionWriter, type TopicPartition } from '../port.ts';
import type { TopicRecord } from '../segment-log/coordinator-state.ts';
import type { Appenders } from './appenders.ts';

export interface ControlState {
  readonly version: 1;
  readonly topics: Record<string, TopicRecord>;
  /** Of the queue, in what others keep of it. */
  name?: string;
  /** Begins the ids of all its events; what an earlier version of Spillway has written has none. */
  site?: string;
  /** What the members of a group write to, where that may be one thing only. */
  outputs?: Readonly<Record<string, string>>;
  /** Which search engine is in use and where others were left, as the store writes it. */
  engines?: string;
  /** Who appends to `raw`, where several do. */
  appenders?: Appenders;
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

export class ControlLog<State extends { readonly version: number }> {
  readonly #options: ControlLogOptions<State>;
  #state: State;
  #readTo = 0;
  /** A state that was read before a newer one was written must not be taken for the newest. */
  readonly #turns = new InTurn();
  readonly #refreshing = new SharedTurn(() => this.#refresh(), this.#turns);

  constructor(options: ControlLogOptions<State>) {
    this.#options = options;
    this.#state = options.empty();
  }

  /** As last read. */
  get state(): State {
    return this.#state;
  }

  /**
   * Reads what was changed meanwhile; whether anything was. Whoever asks before it begins waits for the same one: while
   * the brokers are away each takes as long as a question may, and they would become ever more.
   */
  refresh(): Promise<boolean> {
    return this.#refreshing.run();
  }

  async #refresh(): Promise<boolean> {
    const before = this.#state;
    const reader = this.#options.openReader(this.#options.at);
    try {
      // Whoever has changed it meanwhile has removed what is being read: the newest record is enough.
      while (!(await this.#readOn(reader)));
    } finally {
      await reader.close();
    }
    return this.#state !== before;
  }

  /** Whether it would change what was read last. */
  wouldChange(change: (state: State) => boolean): boolean {
    return change(this.#copy());
  }

  /** Whether it came to the end; else a part of it was removed before it was read. */
  async #readOn(reader: PartitionReader): Promise<boolean> {
    const end = await reader.endOffset();
    const earliest = await reader.earliestOffset();
    for (let from = Math.max(this.#readTo, earliest); from < end; ) {
      const found = await reader.read(offset(from)).catch((thrown: unknown) => {
        if (thrown instanceof SpillwayError && thrown.code === 'QUEUE_OFFSET_OUT_OF_RANGE') return undefined;
        throw thrown;
      });
      if (found === undefined) return false;
      for (const { bytes } of found.batches) this.#take(bytes);
      if (found.nextOffset === from) break;
      from = found.nextOffset;
    }
    this.#readTo = Math.max(this.#readTo, end);
    return true;
  }

  /**
   * `change` says whether it changed anything; it may be called again, with a newer state. Durable when it resolves. Of
   * several that change it at once each may be fenced by the next: they wait for different times before they try again,
   * or none of them would ever come to its append.
   */
  async change(change: (state: State) => boolean): Promise<void> {
    const untilMs = performance.now() + KAFKA_LIMITS.changeMs;
    for (let pauseMs: number = KAFKA_LIMITS.retryDelayMs; ; ) {
      try {
        await this.#turns.run(() => this.#changeOnce(change));
        return;
      } catch (thrown) {
        if (!isFenced(thrown) || performance.now() > untilMs) throw thrown;
      }
      await delay(pauseMs * (0.5 + Math.random()));
      pauseMs = Math.min(pauseMs * 2, KAFKA_LIMITS.retryDelayMaxMs);
    }
  }

  async #changeOnce(change: (state: State) => boolean): Promise<void> {
    await this.#refresh();
    if (!change(this.#copy())) return;
    const writer = await this.#options.openWriter(this.#options.at);
    try {
      await this.#refresh();
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
