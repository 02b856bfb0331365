/**
 * Reads one partition up to what all replicas in sync have (the high watermark), also while brokers come and go. Batches are
 * views of what the broker sent (partition-fetcher.ts).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SpillwayError } from '../../lib/errors.ts';
import { KAFKA_LIMITS, QUEUE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { orAborted } from '../../lib/or-aborted.ts';
import { placeOf } from '../place.ts';
import {
  type CorruptRange,
  type Offset,
  offset,
  type PartitionReader,
  type ReaderOptions,
  type ReadResult,
  type TopicPartition,
} from '../port.ts';
import { verdictOn } from './broker-errors.ts';
import { offsetAt, WHEN } from './offsets.ts';
import { type Chunk, PartitionFetcher, type PartitionFetcherOptions } from './partition-fetcher.ts';
import { takeBatches } from './take-batches.ts';

export interface KafkaReaderOptions extends PartitionFetcherOptions, ReaderOptions {
  /** As the port calls it. */
  readonly as: TopicPartition;
  readonly log: Logger;
  readonly onCorrupt: (range: CorruptRange) => void;
  /** Told how many records were asked for that are not retained any more. */
  readonly onLost: (records: number) => void;
  readonly onClose: () => void;
  /** Of whoever looks for what was fenced. */
  readonly showsFences?: boolean;
}

/** Before the first answer; nothing is known to be there. */
const UNKNOWN = -1;

export class KafkaReader implements PartitionReader {
  readonly topic: string;
  readonly partition: number;
  readonly #options: KafkaReaderOptions;
  readonly #fetcher: PartitionFetcher;
  #endOffset = UNKNOWN;
  /** As far as it was seen to end. */
  #seenTo = UNKNOWN;
  /** Where it was to be read from when it was said that it ends before. */
  #saidBeyond = UNKNOWN;
  #busy: Promise<unknown> = Promise.resolve();
  readonly #closing = new AbortController();

  constructor(options: KafkaReaderOptions) {
    this.topic = options.as.topic;
    this.partition = options.as.partition;
    this.#options = options;
    this.#fetcher = new PartitionFetcher(options);
  }

  async read(from: Offset, options: { readonly maxBytes?: number } = {}): Promise<ReadResult> {
    if (this.#closing.signal.aborted) throw new SpillwayError('UNAVAILABLE', 'This reader of the queue is closed.');
    const reading = this.#read(from, Math.min(options.maxBytes ?? QUEUE_LIMITS.readBytes, QUEUE_LIMITS.readBytes));
    this.#busy = reading.catch(() => {});
    return reading;
  }

  async waitFor(from: Offset, signal: AbortSignal): Promise<void> {
    if (this.#endOffset > from) return;
    const until = AbortSignal.any([signal, this.#closing.signal, this.#options.cluster.ended]);
    await orAborted(this.#waitPast(from, until), until);
  }

  async earliestOffset(): Promise<Offset> {
    return offset(await offsetAt(this.#options.cluster, this.#options.at, WHEN.earliest));
  }

  async endOffset(): Promise<Offset> {
    return offset(await offsetAt(this.#options.cluster, this.#options.at, WHEN.end));
  }

  async offsetAtTime(timeMs: number): Promise<Offset> {
    const { cluster, at } = this.#options;
    const found = await offsetAt(cluster, at, Math.max(0, timeMs));
    if (found < 0) return this.endOffset();
    // Kafka names the first such record; here whole batches are found.
    const { batches } = await this.read(offset(found), { maxBytes: 1 });
    return batches[0]?.baseOffset ?? offset(found);
  }

  async close(): Promise<void> {
    const tooLong = setTimeout(() => this.#closing.abort(), KAFKA_LIMITS.closeReaderMs);
    await this.#busy;
    clearTimeout(tooLong);
    this.#closing.abort();
    this.#fetcher.close();
    this.#options.onClose();
  }

  async #read(from: number, maxBytes: number): Promise<ReadResult> {
    const { at, cluster, onCorrupt, log, showsFences } = this.#options;
    let chunk: Chunk;
    try {
      const options = { doing: `reading ${placeOf(at)} at ${from}`, signal: this.#closing.signal };
      chunk = await cluster.persist(options, () => this.#fetcher.fetch(from, maxBytes));
    } catch (thrown) {
      if (verdictOn(thrown) !== 'out-of-range') throw thrown;
      return this.#outside(from);
    }
    this.#endsAt(chunk.endOffset);
    const { batches, corrupt, nextOffset } = takeBatches(chunk.bytes, from, maxBytes, placeOf(at), showsFences);
    for (const range of corrupt) {
      onCorrupt(range);
      log.error({ ...at, ...range }, `${placeOf(at)} has a batch that cannot be read: going on after it`);
    }
    if (!this.#closing.signal.aborted) this.#fetcher.hasRead({ from, to: nextOffset }, maxBytes);
    return {
      batches,
      nextOffset: offset(nextOffset),
      endOffset: offset(chunk.endOffset),
      ...(corrupt.length === 0 ? {} : { corrupt }),
    };
  }

  async #outside(from: number): Promise<ReadResult> {
    const { at } = this.#options;
    const [earliest, end] = await Promise.all([this.earliestOffset(), this.endOffset()]);
    if (from < earliest) {
      this.#options.onLost(earliest - from);
      throw new SpillwayError(
        'QUEUE_OFFSET_OUT_OF_RANGE',
        `${placeOf(at)} begins at offset ${earliest}: offset ${from} is not retained any more.`,
        { details: { earliest, lost: earliest - from } },
      );
    }
    if (from > end) this.#tellOfLoss(from, end);
    this.#endsAt(end);
    return { batches: [], nextOffset: offset(from), endOffset: end };
  }

  #endsAt(end: number): void {
    this.#endOffset = end;
    this.#seenTo = Math.max(this.#seenTo, end);
  }

  /** What was read is durable on all replicas in sync, so it never goes away but by an unclean election or a disk. */
  #tellOfLoss(from: number, end: number): void {
    if (this.#saidBeyond === from) return;
    if (this.#options.isChosen === true && from > this.#seenTo) return;
    this.#saidBeyond = from;
    const { at, log } = this.#options;
    const place = placeOf(at);
    log.error(
      { ...at, from, end },
      `Kafka has lost records of ${place}: it ends at ${end}, and is to be read from ${from} on. New records up to there ` +
        'are passed over by whoever reads on from there',
    );
  }

  async #waitPast(from: number, signal: AbortSignal): Promise<void> {
    let delayMs: number = KAFKA_LIMITS.retryDelayMs;
    while (!signal.aborted && this.#endOffset <= from) {
      try {
        await this.#pollOnce(from);
        delayMs = KAFKA_LIMITS.retryDelayMs;
      } catch (thrown) {
        if (isOver(thrown)) throw thrown;
        // A wait ends when there are records: a cluster that is away has none yet.
        await delay(delayMs, undefined, { signal }).catch(() => {});
        delayMs = Math.min(delayMs * 2, KAFKA_LIMITS.retryDelayMaxMs);
        if (!signal.aborted) await this.#options.cluster.refresh().catch(() => {});
      }
    }
  }

  async #pollOnce(from: number): Promise<void> {
    try {
      this.#endsAt(await this.#fetcher.poll(from));
    } catch (thrown) {
      if (verdictOn(thrown) !== 'out-of-range') throw thrown;
      this.#endsAt(await this.endOffset());
      if (this.#endOffset < from) this.#tellOfLoss(from, this.#endOffset);
      if (this.#endOffset <= from) await delay(KAFKA_LIMITS.retryDelayMs);
    }
  }
}

/** Nothing will ever come to whoever waits. */
function isOver(thrown: unknown): boolean {
  return thrown instanceof SpillwayError && thrown.code === 'QUEUE_TOPIC_INVALID';
}
