/**
 * A writer that keeps accepting while its queue is away: what the queue does not take within a moment is made durable in
 * a log on this machine, and goes to the queue from there, in order, when it is back. Only when all of that has gone
 * do appends go to the queue directly again. Where the queue's writer gives up for good (its topic was removed), all is
 * kept until somebody has mended that and this process has been started again.
 *
 * Where the queue is away when this process starts, all goes to the log at once, until the queue's writer is open.
 *
 * What was under way when the queue went away is in both: its own writer goes on trying, with the sequences that it had,
 * and the copy is for the case that this process ends before. After such an end the copy is appended by another producer:
 * the few batches that the queue had taken without being able to say so are then there twice. Otherwise nothing is.
 */
import { readBatchHeader } from '../../event/record-batch.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { SPOOL_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { orAborted } from '../../lib/or-aborted.ts';
import { type Appended, type Offset, offset, type PartitionReader, type PartitionWriter } from '../port.ts';

/** The queue's own writer. */
export interface DirectWriter extends PartitionWriter {
  /** For how long what waits has not moved on; 0 where nothing waits. */
  readonly troubledForMs: number;
  /** Why it never takes anything any more. */
  readonly failure?: SpillwayError | undefined;
  /** Of one whose queue was away at first: resolves when it takes what is appended, or never will. */
  readonly opened?: Promise<void>;
  /** It takes nothing before others have moved sources. */
  readonly isHeld?: boolean;
  /** Why it takes nothing now, for people. */
  readonly waitsFor?: string | undefined;
}

export interface SpoolWriterOptions {
  readonly direct: DirectWriter;
  /** Of this partition in the log on this machine. */
  readonly spool: PartitionWriter;
  readonly reader: PartitionReader;
  /** How far the log has gone to the queue. */
  readonly drained: Offset;
  /** Durable when it resolves. */
  readonly commit: (position: Offset) => Promise<void>;
  readonly log: Logger;
  /** A batch that was in the log is in the queue now. */
  readonly onDrained: (batch: Buffer, appended: Appended) => void;
  readonly spoolAfterMs: number;
  /** Nothing goes to the queue before. */
  readonly hold?: Promise<void> | undefined;
  readonly nowMs?: () => number;
}

interface Flight {
  readonly bytes: Buffer;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (reason: unknown) => void;
  /** Whether the queue has it, once that is known. */
  readonly landed: Promise<boolean>;
  /** As it is in the log. */
  copy?: Buffer;
}

const PRODUCER_EPOCH_AT = 51;
const BASE_SEQUENCE_AT = 53;

export class SpoolWriter implements PartitionWriter {
  readonly topic: string;
  readonly partition: number;
  readonly #options: SpoolWriterOptions;
  /** Handed to the queue's writer and not acknowledged, in order. */
  readonly #flights = new Set<Flight>();
  readonly #closing = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #isSpooling = false;
  #isHeld: boolean;
  /** How far the log has gone to the queue, and when the next record of it was made. */
  #drainedTo: Offset;
  #oldestMs = 0;
  #closed: Promise<void> | undefined;
  #modeChanged = Promise.withResolvers<void>();
  /** Something more has gone to the queue, or never will. */
  #moved = Promise.withResolvers<void>();
  #draining: Promise<void> = Promise.resolve();
  #lookedMs = performance.now();
  /** When this process last went on after it had stood still: what it has not heard since nobody has had time to say. */
  #resumedMs = 0;

  constructor(options: SpoolWriterOptions) {
    this.#options = options;
    this.topic = options.direct.topic;
    this.partition = options.direct.partition;
    this.#drainedTo = options.drained;
    this.#isHeld = options.hold !== undefined;
    const letGo = () => {
      this.#isHeld = false;
    };
    options.hold?.then(letGo, () => {});
    const isLate = options.direct.opened !== undefined || options.hold !== undefined;
    // What a process of before has left.
    if (isLate || options.drained < options.spool.nextOffset) this.#beginSpooling(options.drained);
    this.#timer = setInterval(() => this.#look(), SPOOL_LIMITS.lookMs);
    this.#timer.unref();
  }

  get nextOffset(): Offset {
    return this.#options.direct.nextOffset;
  }

  get known(): Promise<void> | undefined {
    return this.#options.direct.opened;
  }

  get isSpooling(): boolean {
    return this.#isSpooling;
  }

  /** Records of the log that have not gone to the queue. */
  get spooledRecords(): number {
    return this.#isSpooling ? this.#options.spool.nextOffset - this.#drainedTo : 0;
  }

  /** The age of the oldest of them. */
  get spooledForMs(): number {
    const { nowMs = Date.now } = this.#options;
    return this.spooledRecords === 0 || this.#oldestMs === 0 ? 0 : Math.max(0, nowMs() - this.#oldestMs);
  }

  /** Why records are kept here and not in the queue, for people; undefined where they are not. */
  get trouble(): string | undefined {
    if (!this.#isSpooling) return undefined;
    const { failure, waitsFor } = this.#options.direct;
    const usual = this.#isHeld
      ? 'It was added, and what its sources had in others has to be read first.'
      : 'The queue does not take it now.';
    const why = failure?.message ?? waitsFor ?? usual;
    return `${this.topic}/${this.partition} is kept on this machine's disk. ${why}`;
  }

  get saturated(): boolean {
    return this.#isSpooling ? this.#options.spool.saturated : this.#options.direct.saturated;
  }

  async drained(): Promise<void> {
    const { direct, spool } = this.#options;
    if (this.#isSpooling) await spool.drained();
    else await Promise.race([direct.drained(), this.#modeChanged.promise]);
  }

  append(batch: Buffer): Promise<Appended> {
    if (this.#closing.signal.aborted) {
      return Promise.reject(this.#closedError());
    }
    return this.#isSpooling ? this.#keep(batch) : this.#pass(batch);
  }

  /** Resolves when all that was accepted up to now is in the queue, with where the partition ends then, or later. */
  async landed(): Promise<Offset> {
    const { direct, spool, hold } = this.#options;
    await Promise.all([direct.opened, hold, ...[...this.#flights].map(({ landed }) => landed)]);
    const end = spool.nextOffset;
    while (this.#isSpooling && this.#drainedTo < end) {
      if (this.#closing.signal.aborted) throw this.#closedError();
      await this.#moved.promise;
    }
    return direct.nextOffset;
  }

  /** This process is about to end, and what others have to do first may take longer. */
  endSoon(): void {
    const { direct, spool } = this.#options;
    if (!this.#isSpooling && direct.isHeld === true) this.#beginSpooling(spool.nextOffset);
  }

  /** Again is the same. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { direct, spool, reader } = this.#options;
    this.#closing.abort();
    this.#tellMoved();
    clearInterval(this.#timer);
    await direct.close();
    await this.#draining;
    await spool.close();
    await reader.close();
  }

  #closedError(): SpillwayError {
    return new SpillwayError('UNAVAILABLE', `This writer of ${this.topic}/${this.partition} is closed.`);
  }

  #tellMoved(): void {
    this.#moved.resolve();
    this.#moved = Promise.withResolvers();
  }

  #pass(batch: Buffer): Promise<Appended> {
    const { promise, resolve, reject } = Promise.withResolvers<Appended>();
    const landed = this.#options.direct.append(batch).then(
      (appended) => {
        this.#flights.delete(flight);
        if (flight.copy !== undefined) this.#options.onDrained(flight.copy, appended);
        resolve(appended);
        return true;
      },
      (reason: unknown) => {
        if (this.#mustKeep) this.#beginSpooling(this.#options.spool.nextOffset);
        this.#flights.delete(flight);
        // Else it is in the log, if the log has taken it.
        if (flight.copy === undefined) reject(this.#isFenced ? this.#notHere() : reason);
        return false;
      },
    );
    const flight: Flight = { bytes: batch, resolve, reject, landed };
    this.#flights.add(flight);
    return promise;
  }

  async #keep(batch: Buffer): Promise<Appended> {
    await this.#options.spool.append(batch);
    // Its offsets are not known yet: not before these.
    return { baseOffset: this.nextOffset, nextOffset: this.nextOffset };
  }

  #look(): void {
    const { direct, spoolAfterMs, spool } = this.#options;
    if (this.#isSpooling) return;
    const nowMs = performance.now();
    const hasStood = nowMs - this.#lookedMs > SPOOL_LIMITS.standstillMs;
    // A machine that is too busy is late again and again.
    if (hasStood && this.#resumedMs !== this.#lookedMs) this.#resumedMs = nowMs;
    this.#lookedMs = nowMs;
    const troubledForMs = Math.min(direct.troubledForMs, nowMs - this.#resumedMs);
    if (this.#mustKeep || troubledForMs >= spoolAfterMs) this.#beginSpooling(spool.nextOffset);
  }

  /**
   * Sources have moved without this process. Whoever can send again does it elsewhere: kept here it would be later than
   * what others take meanwhile. What nobody can send again is appended again, and then it is kept.
   */
  get #isFenced(): boolean {
    return this.#options.direct.failure?.code === 'QUEUE_FENCED';
  }

  #notHere(): SpillwayError {
    return new SpillwayError('UNAVAILABLE', 'This collector begins again with the partitions that were added.', {
      cause: this.#options.direct.failure,
      retryAfterS: 1,
    });
  }

  /** The queue's writer has given up, and not because it is to. */
  get #mustKeep(): boolean {
    return !this.#isSpooling && !this.#closing.signal.aborted && this.#options.direct.failure !== undefined;
  }

  /** `from`: where in the log that begins which is to go to the queue, copies of what is under way included. */
  #beginSpooling(from: Offset): void {
    const { log, topic, partition } = { ...this.#options, topic: this.topic, partition: this.partition };
    const place = `${topic}/${partition}`;
    if (this.#isHeld) {
      const text = `${place} was added: it is kept on this machine's disk until what its sources had in others was read`;
      log.info({ topic, partition }, text);
    } else {
      log.warn({ topic, partition }, `${place} is kept on this machine's disk until the queue takes it again`);
    }
    this.#isSpooling = true;
    this.#drainedTo = from;
    this.#oldestMs = (this.#options.nowMs ?? Date.now)();
    const flights = this.#isFenced ? [] : [...this.#flights];
    for (const flight of flights) void this.#keepFlight(flight);
    this.#modeChanged.resolve();
    this.#modeChanged = Promise.withResolvers();
    this.#draining = this.#drain(flights, from).catch((thrown: unknown) => {
      if (!this.#closing.signal.aborted)
        log.error({ topic, partition, reason: messageOf(thrown) }, 'the spool stands still: nothing of it is lost');
    });
  }

  /** Whoever waits for it is told as soon as one of the two has it. */
  async #keepFlight(flight: Flight): Promise<void> {
    flight.copy = plain(flight.bytes);
    try {
      flight.resolve(await this.#keep(plain(flight.bytes)));
    } catch (thrown) {
      // It may still land.
      flight.landed.then(() => flight.reject(thrown));
    }
  }

  /** `flights`: what is in the log from `from` on, and may be in the queue. */
  async #drain(flights: readonly Flight[], from: Offset): Promise<void> {
    let position = from;
    for (const { landed, copy } of flights) {
      // What the queue's writer gave up is still to go, and all after it.
      if (!(await landed)) break;
      position = offset(position + (copy === undefined ? 0 : (readBatchHeader(copy)?.recordCount ?? 0)));
    }
    if (position > from) await this.#commit(position);
    this.#drainedTo = position;
    this.#tellMoved();
    await this.#mayBegin();
    while (!this.#closing.signal.aborted) {
      const { spool, reader, log } = this.#options;
      // The next process does it.
      if (this.#isFenced) return;
      if (position === spool.nextOffset) {
        this.#isSpooling = false;
        this.#tellMoved();
        log.info(
          { topic: this.topic, partition: this.partition },
          `${this.topic}/${this.partition} is in the queue up to its end`,
        );
        return;
      }
      await reader.waitFor(position, this.#closing.signal);
      if (this.#closing.signal.aborted) return;
      const { batches, nextOffset } = await reader.read(position);
      this.#oldestMs = batches[0]?.maxTimestampMs ?? this.#oldestMs;
      const copies = batches.filter((batch) => batch.nextOffset > position).map(({ bytes }) => plain(bytes));
      await Promise.all(copies.map((copy) => this.#send(copy)));
      position = nextOffset;
      await this.#commit(position);
      this.#drainedTo = position;
      this.#tellMoved();
    }
  }

  /** Nothing can go to the queue before it is there, nor while what is here is to be held back. */
  async #mayBegin(): Promise<void> {
    const { direct, hold } = this.#options;
    await orAborted(Promise.all([direct.opened, hold]), this.#closing.signal);
  }

  async #send(batch: Buffer): Promise<void> {
    const { direct, onDrained } = this.#options;
    const kept = Buffer.from(batch);
    onDrained(kept, await direct.append(batch));
  }

  /** A position that is not committed costs a repetition after a crash, and no record. */
  async #commit(position: Offset): Promise<void> {
    await this.#options.commit(offset(position)).catch((thrown: unknown) => {
      this.#options.log.warn({ reason: messageOf(thrown) }, 'the place in the spool could not be noted');
    });
  }
}

/** A copy without what a producer of Kafka has filled in. */
function plain(batch: Buffer): Buffer {
  const copy = Buffer.from(batch);
  copy.writeInt16BE(-1, PRODUCER_EPOCH_AT);
  copy.writeInt32BE(-1, BASE_SEQUENCE_AT);
  return copy;
}
