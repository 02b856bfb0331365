/**
 * A lane collects records for one partition into batches and appends them. The batch grows while the previous append
 * is under way and is handed over when that is durable, or when it is full: so the queue's group commit sets the pace
 * and no timer does. Batches are appended in the order in which their records came.
 *
 * A partition has two lanes. Records of sockets cannot be refused any more once they are read: where the disk is full
 * their lane keeps its batches, is blocked (its sources pause) and tries again. Records of requests can be refused:
 * their lane rejects the batch, and the sender hears of it.
 */
import { RecordBatchBuilder } from '../event/record-batch.ts';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { COLLECT_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { Appended, PartitionWriter } from '../queue/port.ts';
import { Batch } from './batch.ts';
import { type DurableBatch, type Sender, sameMinute, type Tally } from './tally.ts';

export interface LaneOptions {
  readonly kind: 'sockets' | 'requests';
  readonly writer: PartitionWriter;
  readonly log: Logger;
  /** Between two attempts on a full disk. */
  readonly retryMs: number;
  readonly onDurable: (batch: DurableBatch) => void;
  /** Seconds from handing a batch over until it was durable. */
  readonly onCommit: (seconds: number) => void;
  /** Records of sockets that a stopped partition could not keep. */
  readonly onLost: (records: number) => void;
}

export class Lane {
  readonly partition: number;
  readonly #options: LaneOptions;
  readonly #builder = new RecordBatchBuilder({ maxBytes: COLLECT_LIMITS.batchBytes });
  #open = new Batch();
  #tally: Tally = { tenant: '', input: '', receivedMs: 0, count: 0 };
  #receivedMs = 0;
  /** Handed over and not yet durable, in order. */
  readonly #pending: Batch[] = [];
  #inFlight = 0;
  /** The disk was full at the last attempt. */
  #refusing = false;
  #stopped: unknown;
  /** Why the last append was refused, until one is accepted. */
  #lastRefusal: SpillwayError | undefined;
  readonly #waiting: (() => void)[] = [];
  #watchesWriter = false;
  readonly #settled: (() => void)[] = [];

  constructor(options: LaneOptions) {
    this.#options = options;
    this.partition = options.writer.partition;
  }

  /** Says whose records the next ones are, and when they came (epoch ms). */
  begin(sender: Sender, receivedMs: number): void {
    const tally = this.#tally;
    this.#receivedMs = receivedMs;
    if (
      this.#open.tallies.length === 0 ||
      tally.tenant !== sender.tenant ||
      tally.input !== sender.input ||
      !sameMinute(tally.receivedMs, receivedMs)
    ) {
      this.#startTally(sender);
    }
  }

  /**
   * Adds `source[start, end)` as a record of the sender of `begin()`. `renew`: the headers where it is the first of another
   * batch, if they differ by batch.
   */
  append(source: Uint8Array, start: number, end: number, headers: Buffer, renew?: () => Buffer): void {
    if (!this.#builder.append(source, start, end, this.#receivedMs, headers)) {
      this.#handOver();
      this.#builder.append(source, start, end, this.#receivedMs, renew?.() ?? headers);
    }
    this.#tally.count++;
  }

  /** As `append()`, of a piece that does not count. */
  appendPiece(source: Uint8Array, start: number, end: number, headers: Buffer): void {
    this.append(source, start, end, headers);
    this.#tally.count--;
  }

  /** The batch that the last record is in. */
  get batch(): Batch {
    return this.#open;
  }

  /** Call it after a run of records: hands them over, unless an append is under way whose end will do it. */
  flush(): void {
    if (this.#inFlight === 0 && !this.#refusing && this.#builder.recordCount > 0) this.#handOver();
  }

  /** True while more waits than is good: sources pause until `whenReady()` calls. */
  get blocked(): boolean {
    return (
      this.#pending.length >= COLLECT_LIMITS.laneBatches ||
      this.#refusing ||
      this.#stopped !== undefined ||
      this.#options.writer.saturated
    );
  }

  /** It takes nothing any more; whether the last of what was appended is there, the partition's next owner finds out. */
  get hasStopped(): boolean {
    return this.#stopped !== undefined;
  }

  /** Why it cannot append now, for people; undefined where it can, or is only slow. */
  get trouble(): string | undefined {
    const at = `partition ${this.partition} of ${this.#options.writer.topic}`;
    switch (this.#lastRefusal?.code) {
      case undefined:
        return undefined;
      case 'DISK_FULL':
        return `The ${at} cannot be written, because its disk is full: free some space.`;
      case 'QUEUE_PARTITION_STOPPED':
        return `The ${at} takes no more records, because its disk failed to sync: check the disk, then restart.`;
      default:
        return `The ${at} cannot be written (${this.#lastRefusal?.code}).`;
    }
  }

  /** Calls once when the lane is not blocked; never where its partition has stopped. */
  whenReady(resume: () => void): void {
    this.#waiting.push(resume);
    if (this.blocked) this.#watchWriter();
    else this.#wake();
  }

  /** Hands everything over; resolves when all of it is durable or refused, or the partition has stopped. */
  async drain(): Promise<void> {
    this.flush();
    while (this.#stopped === undefined && (this.#pending.length > 0 || this.#builder.recordCount > 0)) {
      await new Promise<void>((resolve) => this.#settled.push(resolve));
    }
  }

  /** Resolves when what was appended up to now is durable, refused or lost; what comes later is not waited for. */
  async settled(): Promise<void> {
    const batches = this.#builder.recordCount > 0 ? [...this.#pending, this.#open] : [...this.#pending];
    const outcomes = batches.map((batch) => batch.durable());
    this.flush();
    await Promise.allSettled(outcomes);
  }

  /** Gives up what is not durable: counted as lost, where nobody else can be told. */
  abandon(): void {
    if (this.#builder.recordCount > 0) this.#handOver();
    if (this.#pending.length === 0) return;
    this.#stop(new SpillwayError('UNAVAILABLE', 'The collector stopped before the queue took these.'));
  }

  /** Takes nothing any more: of what is not durable its senders are told. */
  refuse(): void {
    const { restartRetryS: retryAfterS } = COLLECT_LIMITS;
    this.#stop(new SpillwayError('UNAVAILABLE', 'This collector begins again: send this again.', { retryAfterS }));
    if (this.#builder.recordCount > 0) this.#handOver();
  }

  #startTally({ tenant, input }: Sender): void {
    this.#tally = { tenant, input, receivedMs: this.#receivedMs, count: 0 };
    this.#open.tallies.push(this.#tally);
  }

  #handOver(): void {
    const batch = this.#open;
    batch.bytes = this.#builder.finish();
    this.#open = new Batch();
    this.#startTally(this.#tally);
    if (this.#stopped !== undefined) {
      this.#lose(batch);
      return;
    }
    this.#pending.push(batch);
    if (!this.#refusing) this.#send(batch);
  }

  #send(batch: Batch): void {
    if (batch.bytes === undefined || batch.inFlight) return;
    batch.inFlight = true;
    this.#inFlight++;
    const startedMs = performance.now();
    this.#options.writer.append(batch.bytes).then(
      (appended) => {
        this.#options.onCommit((performance.now() - startedMs) / 1_000);
        this.#accepted(batch, appended);
      },
      (reason: unknown) => this.#refused(batch, reason),
    );
  }

  #accepted(batch: Batch, appended: Appended): void {
    batch.inFlight = false;
    this.#options.onDurable({
      topic: this.#options.writer.topic,
      partition: this.partition,
      appended,
      counts: batch.tallies.filter(({ count }) => count > 0),
    });
    batch.accepted();
    this.#forget(batch);
    this.#lastRefusal = undefined;
    if (this.#refusing) {
      this.#refusing = false;
      for (const kept of this.#pending) this.#send(kept);
    }
    this.#settle();
  }

  #refused(batch: Batch, reason: unknown): void {
    batch.inFlight = false;
    if (reason instanceof SpillwayError) this.#lastRefusal = reason;
    const mayRetry = reason instanceof SpillwayError && reason.kind.retry;
    if (this.#options.kind === 'requests') {
      batch.refused(reason);
      this.#forget(batch);
    } else if (mayRetry) {
      this.#pause(reason);
    } else {
      this.#stop(reason);
    }
    this.#settle();
  }

  #forget(batch: Batch): void {
    const at = this.#pending.indexOf(batch);
    if (at >= 0) this.#pending.splice(at, 1);
  }

  #settle(): void {
    this.#inFlight--;
    this.flush();
    if (this.#refusing && this.#inFlight === 0) setTimeout(() => this.#retry(), this.#options.retryMs);
    if (!this.blocked) this.#wake();
    for (const resolve of this.#settled.splice(0)) resolve();
  }

  #pause(reason: unknown): void {
    if (this.#refusing) return;
    this.#refusing = true;
    this.#options.log.warn(
      { partition: this.partition, error: messageOf(reason) },
      'sources pause, because the queue cannot append now',
    );
  }

  /** Tries the oldest batch alone: the others follow when it is durable. */
  #retry(): void {
    const oldest = this.#pending[0];
    if (oldest !== undefined && this.#stopped === undefined) this.#send(oldest);
  }

  #stop(reason: unknown): void {
    this.#stopped ??= reason;
    this.#refusing = false;
    for (const batch of this.#pending.splice(0)) this.#lose(batch);
  }

  #lose(batch: Batch): void {
    batch.refused(this.#stopped);
    // Whoever sent a request hears of it.
    if (this.#options.kind === 'requests') return;
    this.#options.onLost(batch.count);
    this.#options.log.error(
      { partition: this.partition, records: batch.count, error: messageOf(this.#stopped) },
      'records of sockets are lost, because the partition has stopped',
    );
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }

  /** The end of an append wakes the sources of this lane; only what the other lane has waiting is not seen there. */
  #watchWriter(): void {
    const { writer } = this.#options;
    if (this.#watchesWriter || !writer.saturated) return;
    this.#watchesWriter = true;
    const look = (): void => {
      this.#watchesWriter = false;
      if (this.blocked) this.#watchWriter();
      else this.#wake();
    };
    writer.drained().then(look, () => {
      this.#watchesWriter = false;
    });
  }
}
