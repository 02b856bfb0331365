/** Appends of one partition that Kafka has not acknowledged yet, in order, within bounds. */
import type { SpillwayError } from '../../lib/errors.ts';
import { KAFKA_LIMITS, QUEUE_LIMITS } from '../../lib/limits.ts';
import type { Appended } from '../port.ts';

export interface PendingAppend {
  readonly bytes: Buffer;
  readonly recordCount: number;
  readonly arrivedMs: number;
  /** Of its first record, once it has been sent. */
  sequence: number | undefined;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: SpillwayError) => void;
}

/** Sequences of a producer in a partition begin again after 2^31 - 1. */
export const SEQUENCES = 2 ** 31;

export class PendingAppends {
  /** The first `#sent` of them are under way. */
  #appends: PendingAppend[] = [];
  #sent = 0;
  #bytes = 0;
  #nextSequence = 0;
  #drained: (() => void)[] = [];
  readonly #onBytes: (bytes: number) => void;

  /** `onBytes`: told how many there are whenever that changes. */
  constructor(onBytes: (bytes: number) => void = () => {}) {
    this.#onBytes = onBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#appends.length === 0;
  }

  get saturated(): boolean {
    return this.#bytes >= QUEUE_LIMITS.pendingBytes;
  }

  /** In order. */
  get all(): readonly PendingAppend[] {
    return this.#appends;
  }

  get oldest(): PendingAppend | undefined {
    return this.#appends[0];
  }

  /** The sequence of the first record that is not settled. */
  get sequence(): number {
    return this.#appends[0]?.sequence ?? this.#nextSequence;
  }

  push(append: PendingAppend): void {
    this.#appends.push(append);
    this.#bytes += append.bytes.length;
    this.#onBytes(this.#bytes);
  }

  /** Whether none of them has a sequence: no broker has seen any. */
  get isUnnumbered(): boolean {
    return this.#appends[0]?.sequence === undefined;
  }

  /** What is to be sent now, with its sequences; `again`: of that only what has them already. */
  takeSendable({ again = false } = {}): readonly PendingAppend[] {
    const sendable = this.#appends
      .slice(this.#sent, KAFKA_LIMITS.appendsInFlight)
      .filter(({ sequence }) => !again || sequence !== undefined);
    this.#sent += sendable.length;
    for (const append of sendable) {
      if (append.sequence !== undefined) continue;
      append.sequence = this.#nextSequence;
      this.#nextSequence = (this.#nextSequence + append.recordCount) % SEQUENCES;
    }
    return sendable;
  }

  /** Nothing is under way any more: what was is sent again, as it was. */
  sendAgain(): void {
    this.#sent = 0;
  }

  /** Nothing is pending: the next one is to have this sequence. */
  continueFrom(sequence: number): void {
    this.#nextSequence = sequence;
  }

  /** None of it was appended: it gets the sequences of a new producer. */
  renumber(): void {
    this.#sent = 0;
    this.#nextSequence = 0;
    for (const append of this.#appends) append.sequence = undefined;
  }

  /** The oldest one is settled. */
  shift(): void {
    const settled = this.#appends.shift();
    if (settled === undefined) return;
    this.#sent = Math.max(0, this.#sent - 1);
    this.#free(settled.bytes.length);
  }

  takeAll(): readonly PendingAppend[] {
    const all = this.#appends;
    this.#appends = [];
    this.#sent = 0;
    this.#free(this.#bytes);
    return all;
  }

  drained(): Promise<void> {
    if (!this.saturated) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  #free(bytes: number): void {
    this.#bytes -= bytes;
    this.#onBytes(this.#bytes);
    if (this.#bytes > QUEUE_LIMITS.pendingBytes / 2) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
