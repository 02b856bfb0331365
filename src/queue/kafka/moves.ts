/**
 * Sources move to partitions that are added while several processes append to the topic, and the order of each source is
 * kept: also of one that sends to these processes by turns. Each of them
 *
 * 1. is in the control topic before it appends, with its producers (appenders.ts);
 * 2. maps sources to the added partitions as soon as it hears of them, and appends nothing there yet: nobody is told that
 *    something is durable in a new partition while another process may still append later records to an old one;
 * 3. says that it has moved when all that it had mapped before has been acknowledged by brokers;
 * 4. when all have said so, one of them notes where the old partitions end: the barrier. Who sees it appends.
 *
 * Of whom is dead, cut off or stands still nothing is known: it is out, and then brokers are told to take nothing more of
 * its producers, each by a batch with a newer epoch (fence.ts). Only after that the ends are read. So what such a process
 * still tries to append is refused whenever that is, and no clock has to be believed. It finds itself out, and begins
 * again.
 *
 * Any of them may stop anywhere: whoever is left does what remains, and doing it twice is the same.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SpillwayError } from '../../lib/errors.ts';
import { InTurn } from '../../lib/in-turn.ts';
import { MOVE_LIMITS } from '../../lib/limits.ts';
import { SharedTurn } from '../../lib/shared-turn.ts';
import {
  type Appender,
  type AppendingProducer,
  atWork,
  type Entered,
  enter,
  outOf,
  putOut,
  remove,
} from './appenders.ts';
import { type BarringOptions, bar, removeOldest } from './barring.ts';
import { Gates } from './gates.ts';

export interface MovesOptions extends BarringOptions {
  /** Of this process, and no other's ever. */
  readonly id: string;
  /** Of the process before it in the same place, which has ended. */
  readonly before?: string | undefined;
  readonly limits?: typeof MOVE_LIMITS | Record<keyof typeof MOVE_LIMITS, number>;
  readonly nowMs?: () => number;
  readonly pause?: (ms: number) => Promise<unknown>;
}

export class Moves {
  readonly #options: MovesOptions;
  readonly #limits: Record<keyof typeof MOVE_LIMITS, number>;
  readonly #nowMs: () => number;
  readonly #pause: (ms: number) => Promise<unknown>;
  readonly #producers = new Map<number, AppendingProducer>();
  readonly #gates = new Gates();
  readonly #listeners = new Set<() => void>();
  readonly #closing = new AbortController();
  readonly #turns = new InTurn();
  /** One change for all who ask before it begins. */
  readonly #saving = new SharedTurn(() => this.#write(), this.#turns);
  /** How many partitions sources are mapped to, and how many were said. */
  #mapped = 0;
  #moved = 0;
  /** It has been in the control topic. */
  #hasEntered = false;
  #isOut = false;

  constructor(options: MovesOptions) {
    this.#options = options;
    this.#limits = options.limits ?? MOVE_LIMITS;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#pause = options.pause ?? ((ms) => delay(ms, undefined, { signal: this.#closing.signal }).catch(() => {}));
  }

  get topic(): string {
    return this.#options.topic;
  }

  /** Others do not count with this process any more: what it appends is refused, and it has to begin again. */
  get isOut(): boolean {
    return this.#isOut;
  }

  /** Called once, in the moment in which this process finds itself out. */
  onOut(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Sources are mapped to so many partitions from now on. */
  mapsTo(partitions: number): void {
    this.#mapped = Math.max(this.#mapped, partitions);
    this.look();
  }

  /**
   * Before anything is appended by this producer. Resolves with what appends have to wait for besides, if there is
   * anything. Throws QUEUE_FENCED where this process is out, or does not know yet of partitions that there are.
   */
  async admit(partition: number, producer: AppendingProducer): Promise<{ readonly after?: Promise<void> }> {
    this.#assertIn();
    this.#producers.set(partition, producer);
    // Of a partition that has just been added it is said when this process has moved.
    if (partition < this.#mapped) await this.#saving.run();
    if (partition < this.#mapped && !this.#isUnbarred(partition)) return {};
    this.#gates.shut(partition);
    this.look();
    const after = this.#gates.waitFor(partition);
    return after === undefined ? {} : { after };
  }

  /** Another producer in place of one that brokers have forgotten. */
  async renew(partition: number, producer: AppendingProducer): Promise<void> {
    this.#assertIn();
    this.#producers.set(partition, producer);
    if (partition < this.#mapped || this.#gates.hasOpened(partition)) await this.#saving.run();
  }

  /**
   * Says that all which was mapped to fewer than so many partitions has been acknowledged by brokers. Resolves when
   * sources of all may be read in those that were added. Throws QUEUE_FENCED where this process is out.
   */
  async complete(partitions: number): Promise<void> {
    if (!this.#hasEntered) await this.#saving.run();
    this.#moved = Math.max(this.#moved, partitions);
    await this.#saving.run();
    const sinceMs = this.#nowMs();
    let allSinceMs: number | undefined;
    while (this.#mustBar(partitions) && !this.#closing.signal.aborted) {
      allSinceMs = this.#late(partitions) ? undefined : (allSinceMs ?? this.#nowMs());
      const since = allSinceMs ?? sinceMs + this.#limits.patienceMs;
      if (this.#nowMs() - since >= this.#turn() * this.#limits.turnMs) await bar(this.#options, partitions);
      else await this.#pause(this.#limits.lookMs);
      await this.#options.record.refresh();
      this.look();
      this.#assertIn();
    }
  }

  /** Call it when the control topic was read: what waits for it goes on. */
  look(): void {
    if (this.#isOut || !this.#hasEntered) return;
    const own = this.#options.record.state.appenders?.[this.#options.id];
    if (own === undefined || own.isOut === true) {
      this.out();
      return;
    }
    this.#gates.openWhere((partition) => !this.#isUnbarred(partition) && this.#isSaid(own, partition));
  }

  /** A broker has refused what this process appends, or others have noted that they do not count with it. */
  out(): void {
    if (this.#isOut) return;
    this.#isOut = true;
    this.#options.log.warn(
      { topic: this.topic },
      'partitions were added while this process did not answer: what it has accepted is kept, and it begins again',
    );
    for (const listener of this.#listeners) listener();
    this.#gates.refuse(outOfTurn(this.topic));
  }

  /** `isClean`: brokers have answered all that was appended, so nobody need be told of its producers. */
  async close(isClean: boolean): Promise<void> {
    const { record, id } = this.#options;
    this.#closing.abort();
    await this.#turns.settled();
    this.#gates.refuse(outOfTurn(this.topic));
    if (!this.#hasEntered || this.#isOut) return;
    await record.change((state) => (isClean ? remove(state, [id]) : putOut(state, (_, other) => other === id)));
  }

  async #write(): Promise<void> {
    const { record, topic, id, before } = this.#options;
    const isNew = !this.#hasEntered;
    const done: { entered: Entered; moved: number } = { entered: 'unchanged', moved: this.#moved };
    await record.change((state) => {
      // What a process before had kept may be of sources that move: that is said when it is in the queue.
      if (isNew) done.moved = state.topics[topic]?.additions.find(hasNoBarrier)?.first ?? this.#mapped;
      const own: Appender = { partitions: done.moved, producers: Object.fromEntries(this.#producers) };
      done.entered = enter(state, topic, id, own, isNew ? this.#mapped : undefined);
      if (done.entered !== 'entered') return false;
      if (before !== undefined) putOut(state, (_, other) => other === before);
      return true;
    });
    if (done.entered === 'behind') throw behind(topic);
    if (done.entered === 'out') this.out();
    this.#assertIn();
    if (isNew) this.#moved = done.moved;
    this.#hasEntered = true;
    this.look();
    const { outMost } = this.#limits;
    if (outOf(record.state.appenders).length > outMost) await removeOldest(this.#options, Math.floor(outMost / 2));
  }

  #assertIn(): void {
    if (this.#isOut) throw outOfTurn(this.topic);
  }

  #mustBar(partitions: number): boolean {
    const { additions = [] } = this.#options.record.state.topics[this.topic] ?? {};
    return additions.some((addition) => hasNoBarrier(addition) && addition.first < partitions);
  }

  /** Whether what sources had before they moved to this partition may not have been read. */
  #isUnbarred(partition: number): boolean {
    const { partitions = 0, additions = [] } = this.#options.record.state.topics[this.topic] ?? {};
    return (
      partition >= partitions || additions.some((addition) => hasNoBarrier(addition) && addition.first <= partition)
    );
  }

  #isSaid(own: Appender, partition: number): boolean {
    const [said, now] = [own.producers[partition], this.#producers.get(partition)];
    return said !== undefined && said.id === now?.id && said.epoch === now.epoch;
  }

  #late(partitions: number): boolean {
    return atWork(this.#options.record.state.appenders).some(([, one]) => one.partitions < partitions);
  }

  /** Among those who have moved. */
  #turn(): number {
    const { id, record } = this.#options;
    const ids = atWork(record.state.appenders).flatMap(([other, { partitions }]) =>
      partitions >= this.#moved ? [other] : [],
    );
    return Math.max(0, ids.sort().indexOf(id));
  }
}

const hasNoBarrier = ({ barrier }: { readonly barrier: readonly number[] | null }): boolean => barrier === null;

function outOfTurn(topic: string): SpillwayError {
  return new SpillwayError(
    'QUEUE_FENCED',
    `Partitions were added to ${topic} without this process, which did not answer: it begins again.`,
    { details: { topic } },
  );
}

function behind(topic: string): SpillwayError {
  return new SpillwayError('QUEUE_FENCED', `Partitions of ${topic} were added just now: it begins again with these.`, {
    details: { topic },
  });
}
