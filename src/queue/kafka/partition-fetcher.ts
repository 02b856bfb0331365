/**
 * Fetches one partition from whoever leads it, on a connection of its own, since a wait for new records holds up whatever
 * else is asked there. What has come over the network is not fetched again: what is left of an answer is kept for the next
 * reads, also where these begin in the middle of a batch, and while it is being used the next request is under way.
 */
import { SpillwayError } from '../../lib/errors.ts';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import type { TopicPartition } from '../port.ts';
import { brokerErrorOf, verdictOn } from './broker-errors.ts';
import type { BrokerLink } from './broker-link.ts';
import type { Cluster } from './cluster.ts';
import { endOffsetOnce } from './offsets.ts';
import { fetchBytes } from './protocol.ts';
import { RequestSize } from './request-size.ts';
import { framesIn } from './take-batches.ts';

export interface PartitionFetcherOptions {
  /** As Kafka calls it. */
  readonly at: TopicPartition;
  readonly cluster: Cluster;
  /** What may be asked for in advance now. */
  readonly aheadBytes: () => number;
  readonly onFetched: (bytes: number) => void;
}

/** Whole batches, one after another. */
export interface Chunk {
  readonly bytes: Buffer;
  /** They have all that there is from the one to before the other. */
  readonly from: number;
  readonly to: number;
  /** What every replica in sync had ended there when it was fetched. */
  readonly endOffset: number;
}

interface Request {
  readonly from: number;
  readonly answer: Promise<Chunk>;
  /** The broker waits for new records before it answers. */
  isWaiting: boolean;
}

/** A read of a reader. */
interface Span {
  readonly from: number;
  readonly to: number;
}

export class PartitionFetcher {
  readonly #options: PartitionFetcherOptions;
  readonly #size = new RequestSize();
  #link: BrokerLink | undefined;
  /** Of which the last read was a part. */
  #chunk: Chunk | undefined;
  /** Asked for, and not used yet. */
  #ahead: Request | undefined;
  #last: Span | undefined;
  /** What the last read was to give at the most. */
  #readBytes = 1;
  #isClosed = false;

  constructor(options: PartitionFetcherOptions) {
    this.#options = options;
  }

  /** With the batch that has this offset, where there is one. Throws what the library throws. */
  async fetch(from: number, maxBytes: number): Promise<Chunk> {
    const kept = this.#keptAt(from);
    if (kept !== undefined) return kept;
    this.#chunk = undefined;
    const chunk = (await this.#takeAhead(from)) ?? (await this.#ask(from, this.#bytesFor(from, maxBytes), 0));
    this.#chunk = chunk;
    return chunk;
  }

  /** A read that was to give so much has given this. */
  hasRead(read: Span, maxBytes: number): void {
    const isOn = this.#isOn(read.from);
    this.#last = read;
    this.#readBytes = maxBytes;
    // Who has looked at one place may not read on there.
    if (isOn) this.#askAhead(maxBytes);
  }

  /** Where it ends: at once where there is something at the offset, else when there is, or after KAFKA_LIMITS.pollMs. */
  async poll(from: number): Promise<number> {
    const kept = this.#keptAt(from);
    if (kept !== undefined) return kept.endOffset;
    this.#chunk = undefined;
    const request = this.#ahead?.from === from ? this.#ahead : this.#askWaiting(from);
    try {
      const { to, endOffset } = await request.answer;
      if (to === from) this.#forget(request);
      return endOffset;
    } catch (thrown) {
      this.#forget(request);
      throw thrown;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#chunk = undefined;
    this.#dropLink();
  }

  #keptAt(from: number): Chunk | undefined {
    const chunk = this.#chunk;
    return chunk !== undefined && chunk.from <= from && from < chunk.to ? chunk : undefined;
  }

  /** Whether a read from there goes on with the last one. */
  #isOn(from: number): boolean {
    return this.#last !== undefined && this.#last.from < from && from <= this.#last.to;
  }

  #bytesFor(from: number, maxBytes: number): number {
    return this.#size.within(this.#isOn(from) ? Math.max(maxBytes, this.#options.aheadBytes()) : maxBytes);
  }

  /** What is asked for already, where it is what is wanted. */
  async #takeAhead(from: number): Promise<Chunk | undefined> {
    const ahead = this.#ahead;
    if (ahead === undefined) return undefined;
    if (ahead.from !== from) {
      // Nothing else is answered on the link before a wait is over.
      if (ahead.isWaiting) this.#dropLink();
      this.#forget(ahead);
      return undefined;
    }
    if (ahead.isWaiting) {
      const endOffset = await endOffsetOnce(this.#options.cluster, this.#options.at);
      if (ahead.isWaiting && endOffset <= from) return { bytes: NOTHING, from, to: from, endOffset };
      // Its answer is on the way, or it waits at a broker that leads the partition no more.
      if (ahead.isWaiting) {
        this.#dropLink();
        return undefined;
      }
    }
    this.#forget(ahead);
    const chunk = await ahead.answer;
    // The time of a wait may have been over just before something came.
    return chunk.to > from ? chunk : undefined;
  }

  #askAhead(maxBytes: number): void {
    const chunk = this.#chunk;
    if (chunk === undefined || chunk.to >= chunk.endOffset || chunk.to === chunk.from) return;
    if (this.#ahead !== undefined || this.#usable === undefined) return;
    const bytes = this.#size.within(Math.max(maxBytes, this.#options.aheadBytes()));
    const answer = this.#ask(chunk.to, bytes, 0);
    answer.catch(() => {});
    this.#ahead = { from: chunk.to, answer, isWaiting: false };
  }

  /** A wait that was broken off leaves its question: the next wait goes on with it. */
  #askWaiting(from: number): Request {
    if (this.#ahead?.isWaiting === true) this.#dropLink();
    const answer = this.#ask(from, this.#size.within(this.#readBytes), KAFKA_LIMITS.pollMs);
    const request: Request = { from, answer, isWaiting: true };
    const answered = () => {
      request.isWaiting = false;
    };
    answer.then(answered, answered);
    this.#ahead = request;
    return request;
  }

  async #ask(from: number, maxBytes: number, waitMs: number): Promise<Chunk> {
    const { at, cluster, onFetched } = this.#options;
    const link = await this.#openLink();
    try {
      const topicId = cluster.idOf(at.topic);
      const question = { topicId, partition: at.partition, offset: from, maxBytes, waitMs };
      const { bytes, endOffset } = await link.ask(fetchBytes, question);
      onFetched(bytes.length);
      if (bytes.length >= maxBytes) this.#size.cameWhole();
      const whole = this.#wholeOf(bytes, from);
      // A broker notes the end before it reads: what was appended in between is in the answer too.
      return { ...whole, from, endOffset: Math.max(endOffset, whole.to) };
    } catch (thrown) {
      if (waitMs === 0 && brokerErrorOf(thrown) === undefined) this.#size.failed();
      // After a failure that passes another broker may be the leader.
      if (verdictOn(thrown) !== 'out-of-range' && this.#link === link) this.#dropLink();
      throw thrown;
    }
  }

  get #usable(): BrokerLink | undefined {
    return this.#link?.isOpen === true ? this.#link : undefined;
  }

  async #openLink(): Promise<BrokerLink> {
    const known = this.#usable;
    if (known !== undefined) return known;
    const { at, cluster } = this.#options;
    const link = await cluster.openLink(at);
    if (this.#isClosed) {
      link.close();
      throw new SpillwayError('UNAVAILABLE', 'This reader of the queue is closed.');
    }
    // Whoever asked while this one was being made has made one too.
    const other = this.#usable;
    if (other !== undefined) link.close();
    this.#link = other ?? link;
    return this.#link;
  }

  #wholeOf(bytes: Buffer, from: number): Pick<Chunk, 'bytes' | 'to'> {
    let to = from;
    let wholeBytes = 0;
    for (const { bytes: batch, nextOffset } of framesIn(bytes)) {
      this.#size.saw(batch.length);
      wholeBytes += batch.length;
      to = Math.max(to, nextOffset);
    }
    if (wholeBytes < bytes.length) this.#size.wasFull();
    return { bytes: bytes.subarray(0, wholeBytes), to };
  }

  #forget(request: Request): void {
    if (this.#ahead === request) this.#ahead = undefined;
  }

  #dropLink(): void {
    this.#link?.close();
    this.#link = undefined;
    this.#ahead = undefined;
  }
}

const NOTHING = Buffer.alloc(0);
