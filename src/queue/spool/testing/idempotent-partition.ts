/**
 * A partition of Kafka as far as repetitions go, in memory: it knows the last five batches of each producer, takes no
 * sequence out of order, and may stand still with what was sent to it, which it takes later, whoever has sent it.
 */
import { RecordCursor, readBatchHeader } from '../../../event/record-batch.ts';
import { SpillwayError } from '../../../lib/errors.ts';
import { type Appended, offset } from '../../port.ts';
import type { ProducerMark } from '../../producer-mark.ts';
import type { DirectWriter } from '../direct-writer.ts';

const KNOWN_BATCHES = 5;
const IN_FLIGHT = 5;

interface Known {
  readonly sequence: number;
  readonly end: number;
  readonly baseOffset: number;
}

type Answer = number | 'out of order';

export class IdempotentPartition {
  readonly texts: string[] = [];
  /** How often a writer had to begin with another producer. */
  renewed = 0;
  readonly #producers = new Map<number, Known[]>();
  readonly #air: (() => void)[] = [];
  #isPaused = false;
  #nextProducer = 1;
  #isTaking = false;

  get isPaused(): boolean {
    return this.#isPaused;
  }

  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused;
    this.#takeSoon();
  }

  newProducer(): number {
    return this.#nextProducer++;
  }

  /** -1 where there is none. */
  lastSequence(producer: number): number {
    return (this.#producers.get(producer)?.at(-1)?.end ?? 0) - 1;
  }

  send(producer: number, sequence: number, batch: Buffer, answer: (answer: Answer) => void): void {
    const bytes = Buffer.from(batch);
    this.#air.push(() => {
      const taken = this.#take(producer, sequence, bytes);
      setImmediate(() => answer(taken));
    });
    this.#takeSoon();
  }

  async settled(): Promise<void> {
    while (this.#air.length > 0) await new Promise(setImmediate);
  }

  #takeSoon(): void {
    if (this.#isTaking) return;
    this.#isTaking = true;
    setImmediate(() => {
      this.#isTaking = false;
      if (this.#isPaused) return;
      this.#air.shift()?.();
      if (this.#air.length > 0) this.#takeSoon();
    });
  }

  #take(producer: number, sequence: number, batch: Buffer): Answer {
    const known = this.#producers.get(producer) ?? [];
    const end = sequence + (readBatchHeader(batch)?.recordCount ?? 0);
    const same = known.find((one) => one.sequence === sequence && one.end === end);
    if (same !== undefined) return same.baseOffset;
    const last = known.at(-1);
    if (last !== undefined && last.end !== sequence) return 'out of order';
    const baseOffset = this.texts.length;
    const records = new RecordCursor(batch);
    while (records.next()) this.texts.push(records.value().toString());
    this.#producers.set(producer, [...known, { sequence, end, baseOffset }].slice(-KNOWN_BATCHES));
    return baseOffset;
  }
}

interface Pending {
  readonly batch: Buffer;
  readonly count: number;
  sequence?: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (reason: unknown) => void;
}

export class PartitionDirectWriter implements DirectWriter {
  readonly topic = 'raw';
  readonly partition = 0;
  readonly saturated = false;
  failure: SpillwayError | undefined;
  readonly #partition: IdempotentPartition;
  #producer: number;
  #nextSequence = 0;
  #pending: Pending[] = [];
  #sent = 0;
  #generation = 0;

  constructor(partition: IdempotentPartition) {
    this.#partition = partition;
    this.#producer = partition.newProducer();
  }

  get nextOffset() {
    return offset(this.#partition.texts.length);
  }

  get troubledForMs(): number {
    return this.#pending.length > 0 && this.#partition.isPaused ? 1_000 : 0;
  }

  get mark(): ProducerMark | undefined {
    if (this.failure !== undefined) return undefined;
    return {
      producerId: `${this.#producer}`,
      epoch: 0,
      sequence: this.#pending[0]?.sequence ?? this.#nextSequence,
    };
  }

  async goOnFrom({ producerId, sequence }: ProducerMark): Promise<number> {
    while (this.#partition.isPaused && this.failure === undefined) await new Promise(setImmediate);
    if (this.failure !== undefined) throw this.failure;
    const records = Math.max(0, this.#partition.lastSequence(Number(producerId)) + 1 - sequence);
    this.#producer = Number(producerId);
    this.#nextSequence = sequence + records;
    return records;
  }

  async beginAnew(): Promise<void> {
    this.#producer = this.#partition.newProducer();
    this.#nextSequence = 0;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  append(batch: Buffer): Promise<Appended> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const count = readBatchHeader(batch)?.recordCount ?? 0;
    return new Promise((resolve, reject) => {
      this.#pending.push({ batch, count, resolve, reject });
      this.#send();
    });
  }

  close(): Promise<void> {
    this.kill();
    return Promise.resolve();
  }

  /** It hears of nothing any more; what it has sent may still be taken. */
  kill(): void {
    this.failure ??= new SpillwayError('UNAVAILABLE', 'It is closed.');
    for (const { reject } of this.#pending.splice(0)) reject(this.failure);
  }

  #send(): void {
    for (const append of this.#pending.slice(this.#sent, IN_FLIGHT)) {
      this.#sent++;
      append.sequence ??= this.#nextSequence;
      this.#nextSequence = Math.max(this.#nextSequence, append.sequence + append.count);
      const generation = this.#generation;
      this.#partition.send(this.#producer, append.sequence, append.batch, (answer) => {
        if (this.failure === undefined && generation === this.#generation) this.#answered(answer);
      });
    }
  }

  #answered(answer: Answer): void {
    if (answer === 'out of order') {
      this.#partition.renewed++;
      this.#producer = this.#partition.newProducer();
      this.#generation++;
      this.#nextSequence = 0;
      this.#sent = 0;
      for (const append of this.#pending) delete append.sequence;
    } else {
      const append = this.#pending.shift();
      this.#sent--;
      append?.resolve({ baseOffset: offset(answer), nextOffset: offset(answer + append.count) });
    }
    this.#send();
  }
}
