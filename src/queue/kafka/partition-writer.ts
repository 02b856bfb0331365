/**
 * The writer of one partition: batches are sent as they are, several under way, in order, until Kafka has acknowledged
 * them (acks=all). Where the outcome of one is not known (a broker died, an answer did not come) it is sent again with
 * the sequence that it had, to whoever leads the partition by then: a broker passes over what it has already. So an
 * append takes as long as the cluster is away, and is there once. So it is where somebody has changed the topic so that it
 * does not take what it had promised to take (max.message.bytes): that is said, and goes on by itself when it is mended.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { batchMemory, readBatchHeader } from '../../event/record-batch.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { KAFKA_LIMITS, MOVE_LIMITS, QUEUE_LIMITS } from '../../lib/limits.ts';
import { orAborted } from '../../lib/or-aborted.ts';
import { isFenced } from '../is-fenced.ts';
import { placeOf } from '../place.ts';
import { type Appended, type Offset, offset, type PartitionWriter } from '../port.ts';
import type { ProducerMark } from '../producer-mark.ts';
import { AppendTrouble } from './append-trouble.ts';
import { asSpillwayError, labelOf, reasonOf, topicReplaced, type Verdict, verdictOn } from './broker-errors.ts';
import { PendingAppends } from './pending-appends.ts';
import { type Outcome, ProduceLink } from './produce-link.ts';
import { ProducerInUse } from './producer-in-use.ts';
import { recordsSince } from './resume-producer.ts';
import type { WriterOptions } from './writer-options.ts';

/** A right that was taken away may be given back, and a limit raised again: what was accepted waits for that too. */
const GOES_ON: ReadonlySet<Verdict> = new Set([
  'retry',
  'another-cluster',
  'login',
  'certificate',
  'tls',
  'right',
  'settings',
]);

export class KafkaWriter implements PartitionWriter {
  readonly topic: string;
  readonly partition: number;
  readonly #options: WriterOptions;
  readonly #pending: PendingAppends;
  readonly #producer: ProducerInUse;
  #nextOffset: number;
  readonly #link: ProduceLink;
  readonly #trouble: AppendTrouble;
  /** Whether somebody waits for outcomes: false from the moment when nothing waits, not from a turn later. */
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();
  #acknowledgedMs = 0;
  /** The end of what was acknowledged last. */
  #acknowledgedTo: number;
  /** A broker may have taken what is sent again, and not been able to say so. */
  #isUncertain = false;
  #isHeld: boolean;
  #leftUnanswered = false;
  #failure: SpillwayError | undefined;
  readonly #closing = new AbortController();
  /** Nothing is waited for any more: this writer is closed, or all of this process that asks Kafka. */
  readonly #ended: AbortSignal;

  constructor(options: WriterOptions) {
    this.topic = options.as.topic;
    this.partition = options.as.partition;
    this.#options = options;
    this.#nextOffset = options.endOffset;
    this.#acknowledgedTo = options.endOffset;
    this.#isHeld = options.after !== undefined;
    this.#link = new ProduceLink(options.cluster, options.at);
    this.#trouble = new AppendTrouble(options);
    this.#ended = AbortSignal.any([this.#closing.signal, options.cluster.ended]);
    this.#pending = new PendingAppends((bytes) => options.metrics.pending(bytes));
    const { producer: first, renew, onProducer } = options;
    this.#producer = new ProducerInUse({ first, pending: this.#pending, renew, onProducer });
  }

  get nextOffset(): Offset {
    return offset(this.#nextOffset);
  }

  get saturated(): boolean {
    return this.#pending.saturated;
  }

  /** For how long what waits has not moved on; 0 where nothing waits. */
  get troubledForMs(): number {
    const { oldest } = this.#pending;
    if (oldest === undefined) return 0;
    const waitingMs = performance.now() - Math.max(oldest.arrivedMs, this.#acknowledgedMs);
    return this.#isHeld ? Math.max(0, waitingMs - MOVE_LIMITS.holdMs) : waitingMs;
  }

  /** What is appended waits for others to have moved sources. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Whether something was sent of which no broker has said what became of it. */
  get leftUnanswered(): boolean {
    return this.#leftUnanswered;
  }

  /** Why nothing can be appended any more. */
  get failure(): SpillwayError | undefined {
    return this.#failure;
  }

  /** Why it takes nothing now, for people. */
  get waitsFor(): string | undefined {
    return this.#trouble.text;
  }

  /** Where a later process can go on. Of a partition with one writer it takes over instead. */
  get mark(): ProducerMark | undefined {
    if (!this.#options.isShared || this.#failure !== undefined) return undefined;
    return this.#producer.mark;
  }

  /**
   * Before anything is appended: goes on as the writer of an earlier process, and says how many records from the mark on
   * the partition has; undefined where Kafka takes nothing of that one any more. Throws as any question does.
   */
  async goOnFrom(mark: ProducerMark): Promise<number | undefined> {
    const { cluster, at } = this.#options;
    const records = await recordsSince(cluster, at, mark);
    if (records !== undefined) await this.#producer.goOnFrom(mark, records);
    return records;
  }

  /** While nothing is pending: goes on as the producer that it was opened with, which has appended nothing. */
  beginAnew(): Promise<void> {
    return this.#producer.beginAnew();
  }

  /**
   * Of a partition with one writer: makes brokers remember whose it is for as long again. Appends go on meanwhile. Where
   * somebody else has it, nothing can be appended any more.
   */
  async renew(): Promise<void> {
    const { isShared, at, cluster, log } = this.#options;
    if (isShared || this.#failure !== undefined) return;
    try {
      await this.#producer.renew();
      if (this.#link.isOpen && this.#trouble.isOver) this.#send();
    } catch (thrown) {
      if (isFenced(thrown)) return this.#fail(asSpillwayError(thrown, `renewing ${placeOf(at)}`, cluster.brokers));
      // It is being closed: its successor takes over.
      if (this.#failure !== undefined || this.#ended.aborted) return;
      log.warn(
        { ...at, reason: messageOf(thrown) },
        'it could not be renewed who writes a partition; it is tried again',
      );
    }
  }

  drained(): Promise<void> {
    return this.#pending.drained();
  }

  /** Gives up where another topic has the name now: its offsets are not those of before. */
  endIfReplaced(): void {
    const { at, cluster } = this.#options;
    if (this.#failure === undefined && cluster.isReplaced(at.topic)) this.#fail(topicReplaced(at.topic));
  }

  append(batch: Buffer): Promise<Appended> {
    const place = placeOf(this.#options.at);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const header = readBatchHeader(batch);
    if (header === undefined || header.sizeBytes !== batch.length) {
      return Promise.reject(
        new SpillwayError('INTERNAL', `${batch.length} bytes for ${place} are not one record batch.`),
      );
    }
    if (this.#pending.bytes + batch.length > QUEUE_LIMITS.pendingMaxBytes) {
      return Promise.reject(
        new SpillwayError('UNAVAILABLE', `${this.#pending.bytes} bytes wait for ${place} already.`, { retryAfterS: 1 }),
      );
    }
    const { recordCount } = header;
    if (!this.#options.isShared) this.#nextOffset += recordCount;
    return new Promise((resolve, reject) => {
      const arrivedMs = performance.now();
      this.#pending.push({ bytes: batch, recordCount, arrivedMs, sequence: undefined, resolve, reject });
      if (this.#link.isOpen && this.#trouble.isOver) this.#send();
      if (this.#isRunning) return;
      this.#isRunning = true;
      this.#running = this.#run();
    });
  }

  /** Waits for what is under way, but not for a cluster that is away. */
  async close(): Promise<void> {
    this.#failure ??= new SpillwayError('UNAVAILABLE', `This writer of ${placeOf(this.#options.at)} is closed.`);
    // Of what is held nothing is under way.
    if (this.#isHeld) this.#closing.abort();
    const tooLong = setTimeout(() => this.#closing.abort(), KAFKA_LIMITS.closeMs);
    await this.#running;
    clearTimeout(tooLong);
    this.#dropLink();
    this.#trouble.close();
    this.#options.metrics.end();
    this.#options.onClose();
  }

  /** Until nothing waits, or nothing can be appended any more. */
  async #run(): Promise<void> {
    let delayMs: number = KAFKA_LIMITS.retryDelayMs;
    await this.#mayBegin();
    while (!this.#pending.isEmpty) {
      let outcome: Outcome;
      try {
        await this.#link.open();
        this.#send();
        outcome = (await orAborted(this.#link.oldest, this.#ended)) ?? { failure: this.#closedTooEarly() };
      } catch (failure) {
        outcome = { failure };
      }
      if ('baseOffset' in outcome) {
        // Offsets never go back but in another topic of that name, or where an unclean election lost records.
        if (outcome.baseOffset < this.#acknowledgedTo && (await this.#isReplaced())) break;
        this.#acknowledge(outcome.baseOffset);
        delayMs = KAFKA_LIMITS.retryDelayMs;
        continue;
      }
      // What comes after it cannot be appended before it: all of it is sent again.
      this.#dropLink();
      await this.#recover(outcome.failure);
      if (this.#pending.isEmpty) break;
      await delay(delayMs, undefined, { signal: this.#ended }).catch(() => {});
      delayMs = Math.min(delayMs * 2, KAFKA_LIMITS.retryDelayMaxMs);
    }
    this.#isUncertain = false;
    this.#isRunning = false;
  }

  async #mayBegin(): Promise<void> {
    if (!this.#isHeld) return;
    try {
      await orAborted(this.#options.after, this.#ended);
      this.#isHeld = false;
      this.#acknowledgedMs = performance.now();
      if (this.#ended.aborted) this.#fail(this.#closedTooEarly());
    } catch (thrown) {
      this.#fail(asSpillwayError(thrown, `appending to ${placeOf(this.#options.at)}`, this.#options.cluster.brokers));
    }
  }

  /** Puts on the wire what may be under way. */
  #send(): void {
    this.#link.send(this.#producer.takeSendable(), this.#producer.current);
  }

  #acknowledge(baseOffset: number): void {
    const append = this.#pending.oldest;
    this.#link.settled();
    if (append === undefined) return;
    this.#pending.shift();
    this.#acknowledgedMs = performance.now();
    const nextOffset = baseOffset + append.recordCount;
    this.#acknowledgedTo = nextOffset;
    const { metrics } = this.#options;
    metrics.appended(append.recordCount, append.bytes.length, (this.#acknowledgedMs - append.arrivedMs) / 1_000);
    if (this.#options.isShared) this.#nextOffset = Math.max(this.#nextOffset, nextOffset);
    batchMemory.giveBack(append.bytes);
    append.resolve({ baseOffset: offset(baseOffset), nextOffset: offset(nextOffset) });
    this.#trouble.end();
  }

  async #recover(failure: unknown): Promise<void> {
    const { at, cluster } = this.#options;
    if (this.#ended.aborted)
      return this.#fail(asSpillwayError(failure, `appending to ${placeOf(at)}`, cluster.brokers));
    const verdict = verdictOn(failure);
    this.#options.metrics.retried(labelOf(failure));
    if (GOES_ON.has(verdict)) {
      this.#isUncertain = true;
      this.#trouble.begin(failure);
      this.#pending.sendAgain();
      return cluster.refresh().catch(() => {});
    }
    if (verdict === 'sequence') return this.#beginAgain(failure);
    if (verdict === 'fenced' && this.#isUncertain) await this.#acknowledgeLanded();
    this.#fail(asSpillwayError(failure, `appending to ${placeOf(at)}`, cluster.brokers));
  }

  /** Refused now, and taken before by a broker that could not say so. */
  async #acknowledgeLanded(): Promise<void> {
    const { findLanded, at, log } = this.#options;
    const sequences = this.#pending.all.flatMap(({ sequence }) => sequence ?? []);
    if (findLanded === undefined || sequences.length === 0) return;
    try {
      const landed = await findLanded(this.#acknowledgedTo, this.#producer.current, sequences);
      for (let { oldest } = this.#pending; oldest?.sequence !== undefined; { oldest } = this.#pending) {
        const baseOffset = landed.get(oldest.sequence);
        if (baseOffset === undefined) return;
        this.#acknowledge(baseOffset);
      }
    } catch (thrown) {
      log.error(
        { ...at, reason: messageOf(thrown) },
        'it is not known what was taken: up to five batches may come twice',
      );
    }
  }

  async #isReplaced(): Promise<boolean> {
    const { at, cluster, log } = this.#options;
    await cluster.refresh().catch(() => {});
    this.endIfReplaced();
    if (this.#failure !== undefined) return true;
    log.error({ ...at }, `Kafka has lost records of ${placeOf(at)} that it had acknowledged: offsets go back`);
    return false;
  }

  /**
   * All before the oldest append was acknowledged, and a repeat would have been taken for one: so the broker has lost
   * what it acknowledged (an unclean election), or has forgotten this producer. None of what waits was appended.
   */
  async #beginAgain(failure: unknown): Promise<void> {
    const { at, log } = this.#options;
    log.error(
      { ...at, reason: reasonOf(failure) },
      `Kafka has forgotten or lost what was appended to ${placeOf(at)} before`,
    );
    try {
      await this.#producer.replace();
    } catch (thrown) {
      const error = thrown instanceof SpillwayError ? thrown : undefined;
      if (error?.kind.retry !== true)
        this.#fail(asSpillwayError(thrown, 'renewing a producer', this.#options.cluster.brokers));
      else this.#pending.sendAgain();
    }
  }

  #fail(error: SpillwayError): void {
    const { metrics, at, log } = this.#options;
    const isClosing = this.#failure !== undefined || this.#ended.aborted;
    this.#failure ??= error;
    if (error.code === 'QUEUE_FENCED' && !isClosing) this.#options.onFenced?.();
    const given = this.#pending.takeAll();
    this.#leftUnanswered ||= given.some(({ sequence }) => sequence !== undefined);
    // Whoever was fenced has a successor.
    if (!isClosing && error.code !== 'QUEUE_FENCED') {
      metrics.stopped(true);
      log.error(
        { ...at, reason: error.message },
        `Nothing can be appended to ${placeOf(at)} any more: ${error.message}`,
      );
    }
    if (given.length > 0) metrics.refused(error.code, given.length);
    for (const { reject } of given) reject(error);
  }

  #dropLink(): void {
    this.#link.drop();
    this.#pending.sendAgain();
  }

  #closedTooEarly(): SpillwayError {
    const { at, cluster } = this.#options;
    return new SpillwayError(
      'QUEUE_UNREACHABLE',
      `Kafka (${cluster.brokers}) did not acknowledge what was appended to ${placeOf(at)} before its writer was closed.`,
    );
  }
}
