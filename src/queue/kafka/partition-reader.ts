/**
 * Reads one partition up to what all replicas in sync have (the high watermark). It has a connection of its own, since
 * a wait for new records holds up whatever else is asked on it. While what was read is being used, the next read is
 * under way. Batches are views of what the broker sent.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SpillwayError } from '../../lib/errors.ts';
import { KAFKA_LIMITS, QUEUE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { orAborted } from '../../lib/or-aborted.ts';
import {
  type CorruptRange,
  type Offset,
  offset,
  type PartitionReader,
  type ReadResult,
  type TopicPartition,
} from '../port.ts';
import { placeOf, verdictOn } from './broker-errors.ts';
import type { BrokerLink } from './broker-link.ts';
import type { Cluster } from './cluster.ts';
import { offsetAt, WHEN } from './offsets.ts';
import { type Fetched, fetchBytes } from './protocol.ts';
import { takeBatches } from './take-batches.ts';

export interface ReaderOptions {
  /** As Kafka calls it, and as the port does. */
  readonly at: TopicPartition;
  readonly as: TopicPartition;
  readonly cluster: Cluster;
  readonly log: Logger;
  readonly onCorrupt: (range: CorruptRange) => void;
  /** Told how many records were asked for that are not retained any more. */
  readonly onLost: (records: number) => void;
  readonly onClose: () => void;
  /** Of whoever looks for what was fenced. */
  readonly showsFences?: boolean;
}

interface Request {
  readonly from: number;
  readonly maxBytes: number;
  readonly answer: Promise<Fetched>;
  /** The broker waits for new records before it answers. */
  isWaiting: boolean;
}

/** Before the first answer; nothing is known to be there. */
const UNKNOWN = -1;

export class KafkaReader implements PartitionReader {
  readonly topic: string;
  readonly partition: number;
  readonly #options: ReaderOptions;
  #link: BrokerLink | undefined;
  /** Asked for, and not used yet. */
  #ahead: Request | undefined;
  #endOffset = UNKNOWN;
  /** Where it was to be read from when it was said that it ends before. */
  #saidBeyond = UNKNOWN;
  #busy: Promise<unknown> = Promise.resolve();
  readonly #closing = new AbortController();

  constructor(options: ReaderOptions) {
    this.topic = options.as.topic;
    this.partition = options.as.partition;
    this.#options = options;
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
    this.#dropLink();
    this.#options.onClose();
  }

  async #read(from: number, maxBytes: number): Promise<ReadResult> {
    const { at, cluster, onCorrupt, log, showsFences } = this.#options;
    let fetched: Fetched;
    let nextBytes = maxBytes;
    try {
      const options = { doing: `reading ${placeOf(at)} at ${from}`, signal: this.#closing.signal };
      fetched = await cluster.persist(options, () => {
        const askedBytes = nextBytes;
        nextBytes = Math.min(askedBytes, Math.max(askedBytes >> 1, KAFKA_LIMITS.readLeastBytes));
        return this.#fetch(from, askedBytes);
      });
    } catch (thrown) {
      if (!(thrown instanceof SpillwayError) || verdictOn(thrown.cause) !== 'out-of-range') throw thrown;
      return this.#outside(from);
    }
    this.#endOffset = fetched.endOffset;
    const { batches, corrupt, nextOffset } = takeBatches(fetched.bytes, from, maxBytes, placeOf(at), showsFences);
    for (const range of corrupt) {
      onCorrupt(range);
      log.error({ ...at, ...range }, `${placeOf(at)} has a batch that cannot be read: going on after it`);
    }
    if (nextOffset < fetched.endOffset && nextOffset > from) this.#askAhead(nextOffset, maxBytes);
    return {
      batches,
      nextOffset: offset(nextOffset),
      endOffset: offset(fetched.endOffset),
      ...(corrupt.length === 0 ? {} : { corrupt }),
    };
  }

  /** What is asked for already, where it fits, else from the broker. */
  async #fetch(from: number, maxBytes: number): Promise<Fetched> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    // Nothing else is answered on the link before a wait is over.
    if (ahead?.isWaiting === true) this.#dropLink();
    else if (ahead?.from === from && ahead.maxBytes >= maxBytes) {
      try {
        return await ahead.answer;
      } catch (thrown) {
        this.#forget(thrown);
        throw thrown;
      }
    }
    return this.#ask(from, maxBytes, 0);
  }

  #askAhead(from: number, maxBytes: number): void {
    if (this.#closing.signal.aborted || this.#link?.isOpen !== true) return;
    const answer = this.#ask(from, maxBytes, 0);
    answer.catch(() => {});
    this.#ahead = { from, maxBytes, answer, isWaiting: false };
  }

  async #ask(from: number, maxBytes: number, waitMs: number): Promise<Fetched> {
    const { at, cluster } = this.#options;
    try {
      if (this.#link?.isOpen !== true) this.#link = await cluster.openLink(at);
      // A broker always gives the first batch whole; less than a header would be asked for in vain.
      const { partition } = at;
      const topicId = cluster.idOf(at.topic);
      return await this.#link.ask(fetchBytes, {
        topicId,
        partition,
        offset: from,
        maxBytes: Math.max(maxBytes, 1),
        waitMs,
      });
    } catch (thrown) {
      this.#forget(thrown);
      throw thrown;
    }
  }

  /** After a failure that passes another broker may be the leader. */
  #forget(thrown: unknown): void {
    if (verdictOn(thrown) !== 'out-of-range') this.#dropLink();
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
    this.#endOffset = end;
    return { batches: [], nextOffset: offset(from), endOffset: end };
  }

  /** What was read is durable on all replicas in sync, so it never goes away but by an unclean election or a disk. */
  #tellOfLoss(from: number, end: number): void {
    if (this.#saidBeyond === from) return;
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
    const ahead = this.#ahead?.from === from ? this.#ahead : this.#askWaiting(from);
    try {
      const { endOffset } = await ahead.answer;
      this.#endOffset = endOffset;
      if (endOffset <= from && this.#ahead === ahead) this.#ahead = undefined;
    } catch (thrown) {
      if (this.#ahead === ahead) this.#ahead = undefined;
      if (verdictOn(thrown) !== 'out-of-range') throw thrown;
      this.#endOffset = await this.endOffset();
      if (this.#endOffset < from) this.#tellOfLoss(from, this.#endOffset);
      if (this.#endOffset <= from) await delay(KAFKA_LIMITS.retryDelayMs);
    }
  }

  /** A wait that was broken off leaves its question: the next wait goes on with it. */
  #askWaiting(from: number): Request {
    if (this.#ahead?.isWaiting === true) this.#dropLink();
    const maxBytes = QUEUE_LIMITS.readBytes;
    const answer = this.#ask(from, maxBytes, KAFKA_LIMITS.pollMs);
    const request: Request = { from, maxBytes, answer, isWaiting: true };
    const answered = () => {
      request.isWaiting = false;
    };
    answer.then(answered, answered);
    this.#ahead = request;
    return request;
  }

  #dropLink(): void {
    this.#link?.close();
    this.#link = undefined;
    this.#ahead = undefined;
  }
}

/** Nothing will ever come to whoever waits. */
function isOver(thrown: unknown): boolean {
  return thrown instanceof SpillwayError && thrown.code === 'QUEUE_TOPIC_INVALID';
}
