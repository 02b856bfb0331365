/**
 * A writer that keeps accepting while its queue is away: what the queue does not take within a moment is made durable in
 * a log on this machine, and goes to the queue from there, in order, when it is back. Only when all of that has gone
 * do appends go to the queue directly again. Where the queue's writer gives up for good (its topic was removed), all is
 * kept until somebody has mended that and this process has been started again.
 *
 * Where the queue is away when this process starts, all goes to the log at once, until the queue's writer is open.
 *
 * What was under way when the queue went away is in both: its own writer goes on trying, with the sequences that it had,
 * and the copy is for the case that this process ends before. A later process goes on with these sequences (drain.ts), so
 * that nothing is there twice.
 */
import { withoutProducer } from '../../event/record-batch.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import type { LastingTrouble } from '../../lib/lasting-trouble.ts';
import { QUEUE_LIMITS, SPOOL_LIMITS } from '../../lib/limits.ts';
import { orAborted } from '../../lib/or-aborted.ts';
import { placeOf } from '../place.ts';
import type { Appended, Offset, PartitionWriter } from '../port.ts';
import { type DrainOptions, drain, forget } from './drain.ts';
import type { Flight } from './flight.ts';
import type { ProducerNote } from './producer-notes.ts';
import type { SpoolTrouble } from './spool-trouble.ts';

export interface SpoolWriterOptions extends DrainOptions {
  /** Of this partition in the log on this machine. */
  readonly spool: PartitionWriter;
  /** How far the log has gone to the queue. */
  readonly drained: Offset;
  /** What a process of before has noted of what it sent from there on. */
  readonly left?: ProducerNote | undefined;
  readonly spoolAfterMs: number;
  /** Of all partitions together, for the log. */
  readonly kept: Pick<LastingTrouble, 'failed' | 'passed' | 'forget'>;
  /** Nothing goes to the queue before. */
  readonly hold?: Promise<void> | undefined;
  readonly nowMs?: () => number;
}

export class SpoolWriter implements PartitionWriter {
  readonly topic: string;
  readonly partition: number;
  readonly #options: SpoolWriterOptions;
  /** Handed to the queue's writer and not acknowledged, in order. */
  readonly #flights = new Set<Flight>();
  readonly #closing = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #isSpooling = false;
  /** Resolves when what was under way is in the log: what comes after it is put in after it. */
  #entry: Promise<void> = Promise.resolve();
  #isEntered = true;
  /** That waits for it. */
  #enteringBytes = 0;
  #isHeld: boolean;
  /** How far the log has gone to the queue, and when the next record of it was made. */
  #drainedTo: Offset;
  #oldestMs = 0;
  /** When records began to be kept here. */
  #sinceMs = 0;
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
    if (isLate || options.drained < options.spool.nextOffset) this.#beginSpooling(options.drained, options.left);
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
  get trouble(): SpoolTrouble | undefined {
    if (!this.#isSpooling) return undefined;
    const { failure, waitsFor } = this.#options.direct;
    const usual = this.#isHeld
      ? 'It was added, and what its sources had in others has to be read first.'
      : 'The queue does not take it now.';
    const why = failure?.message ?? waitsFor ?? usual;
    return {
      place: placeOf(this),
      sinceMs: this.#sinceMs,
      kind: failure?.code ?? (this.#isHeld ? 'held' : 'away'),
      why,
    };
  }

  get saturated(): boolean {
    if (!this.#isSpooling) return this.#options.direct.saturated;
    return !this.#isEntered || this.#options.spool.saturated;
  }

  async drained(): Promise<void> {
    const { direct, spool } = this.#options;
    if (this.#isSpooling) {
      await this.#entry;
      await spool.drained();
    } else await Promise.race([direct.drained(), this.#modeChanged.promise]);
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
    this.#options.kept.forget(this);
    await direct.close();
    await this.#draining;
    await spool.close();
    await reader.close();
  }

  #closedError(): SpillwayError {
    return new SpillwayError('UNAVAILABLE', `This writer of ${placeOf(this)} is closed.`);
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
    if (this.#isEntered && this.#enteringBytes === 0) await this.#options.spool.append(batch);
    else await this.#keepAfterEntry(batch);
    // Its offsets are not known yet: not before these.
    return { baseOffset: this.nextOffset, nextOffset: this.nextOffset };
  }

  async #keepAfterEntry(batch: Buffer): Promise<void> {
    if (this.#enteringBytes + batch.length > QUEUE_LIMITS.pendingMaxBytes) {
      const text = `${this.#enteringBytes} bytes wait for ${placeOf(this)} already.`;
      throw new SpillwayError('UNAVAILABLE', text, { retryAfterS: 1 });
    }
    this.#enteringBytes += batch.length;
    await this.#entry;
    this.#enteringBytes -= batch.length;
    if (this.#closing.signal.aborted) throw this.#closedError();
    await this.#options.spool.append(batch);
  }

  #look(): void {
    const { direct, spoolAfterMs, spool } = this.#options;
    if (this.#isSpooling) {
      this.#sayKept();
      return;
    }
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
  #beginSpooling(from: Offset, left?: ProducerNote): void {
    const { log, topic, partition } = { ...this.#options, topic: this.topic, partition: this.partition };
    const place = placeOf(this);
    if (this.#isHeld) {
      const text = `${place} was added: it is kept on this machine's disk until what its sources had in others was read`;
      log.info({ topic, partition }, text);
    }
    this.#isSpooling = true;
    this.#sayKept();
    this.#drainedTo = from;
    this.#sinceMs = (this.#options.nowMs ?? Date.now)();
    this.#oldestMs = this.#sinceMs;
    const flights = this.#isFenced ? [] : [...this.#flights];
    this.#isEntered = flights.length === 0;
    this.#entry = this.#isEntered ? Promise.resolve() : this.#enter(flights, from);
    this.#modeChanged.resolve();
    this.#modeChanged = Promise.withResolvers();
    this.#draining = this.#drain(flights, from, left).catch((thrown: unknown) => {
      if (!this.#closing.signal.aborted)
        log.error({ topic, partition, reason: messageOf(thrown) }, 'the spool stands still: nothing of it is lost');
    });
  }

  /**
   * Puts what is under way into the log, after it was noted by which producer it is sent. Where the log does not take all
   * of it, sequences do not go on in what comes after it: then nothing comes after it before the note is gone. Whoever
   * waits for a batch is told as soon as one of the two has it.
   */
  async #enter(flights: readonly Flight[], from: Offset): Promise<void> {
    const { direct, note, log } = this.#options;
    const { mark } = direct;
    if (mark !== undefined) {
      await note({ ...mark, position: from }).catch((thrown: unknown) => {
        log.warn({ reason: messageOf(thrown) }, 'what is under way to the queue may be there twice after a crash');
      });
    }
    const keeping = flights.map((flight) => this.#keepFlight(flight));
    const kept = await Promise.all(keeping);
    let end: number = from;
    const isWhole = kept.every((one) => {
      const isNext = one?.baseOffset === end;
      end = one?.nextOffset ?? end;
      return isNext;
    });
    while (!isWhole && !this.#closing.signal.aborted && !(await forget({ note, log, signal: this.#closing.signal })));
    for (const [i, { resolve }] of flights.entries()) {
      if (kept[i] !== undefined) resolve({ baseOffset: this.nextOffset, nextOffset: this.nextOffset });
    }
    this.#isEntered = true;
  }

  #keepFlight(flight: Flight): Promise<Appended | undefined> {
    flight.copy = withoutProducer(flight.bytes);
    flight.kept = this.#options.spool.append(withoutProducer(flight.bytes)).catch((thrown: unknown) => {
      // It may still land.
      flight.landed.then(() => flight.reject(thrown));
      return undefined;
    });
    return flight.kept;
  }

  async #drain(flights: readonly Flight[], from: Offset, left: ProducerNote | undefined): Promise<void> {
    const { direct, hold, spool } = this.#options;
    const { signal } = this.#closing;
    await this.#entry;
    const hasGone = await drain({
      ...this.#options,
      from,
      flights,
      left,
      // Nothing can go to the queue before it is there, nor while what is here is to be held back.
      mayBegin: () => orAborted(Promise.all([direct.opened, hold]), signal),
      isEmptyAt: (position) => position === spool.nextOffset && this.#enteringBytes === 0,
      onMoved: (position, oldestMs = this.#oldestMs) => {
        this.#drainedTo = position;
        this.#oldestMs = oldestMs;
        this.#tellMoved();
      },
      signal,
    });
    if (!hasGone) return;
    this.#isSpooling = false;
    this.#tellMoved();
    this.#options.kept.passed(this);
  }

  /** But for one that is new, which is said where it begins. */
  #sayKept(): void {
    const { kept, direct } = this.#options;
    if (!this.#isHeld) kept.failed(this, placeOf(this), direct.waitsFor ?? 'the queue has not taken it yet');
  }
}
