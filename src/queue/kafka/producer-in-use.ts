/**
 * By whom a writer appends: a producer in one of its epochs, and the sequences that its pending appends have of it. Brokers
 * pass over what comes with the sequences of before, so an epoch's sequences are begun once.
 */
import type { ProducerMark } from '../producer-mark.ts';
import { type PendingAppend, type PendingAppends, SEQUENCES } from './pending-appends.ts';
import type { Producer } from './producer.ts';

export interface ProducerInUseOptions {
  readonly first: Producer;
  readonly pending: PendingAppends;
  /** Another producer, or another epoch of this one. Throws QUEUE_FENCED. */
  readonly renew: (producer: Producer) => Promise<Producer>;
  /** Before anything is appended by another producer than before. */
  readonly onProducer: ((producer: Producer) => Promise<void>) | undefined;
}

export class ProducerInUse {
  readonly #options: ProducerInUseOptions;
  #current: Producer;
  /** By which is appended as soon as all of the one before is acknowledged: its sequences begin at 0. */
  #next: Producer | undefined;

  constructor(options: ProducerInUseOptions) {
    this.#options = options;
    this.#current = options.first;
  }

  get current(): Producer {
    return this.#current;
  }

  /** Where a later process can go on. */
  get mark(): ProducerMark {
    const { id, epoch } = this.#current;
    return { producerId: `${id}`, epoch, sequence: this.#options.pending.sequence };
  }

  /** While nothing is pending: as an earlier process, behind so many records from the mark on. */
  async goOnFrom(mark: ProducerMark, records: number): Promise<void> {
    await this.#become({ id: BigInt(mark.producerId), epoch: mark.epoch }, (mark.sequence + records) % SEQUENCES);
  }

  /** While nothing is pending: as the first one, which has appended nothing. */
  async beginAnew(): Promise<void> {
    await this.#become(this.#options.first, 0);
  }

  /** What is under way keeps its epoch, also where it is sent again; what comes after gets the next one. */
  async renew(): Promise<void> {
    const renewed = await this.#renewed();
    // A replacement has come to it meanwhile, by the same question: its sequences have begun.
    if (renewed.id === this.#current.id && renewed.epoch <= this.#current.epoch) return;
    this.#next = renewed;
  }

  /** Nothing of what is pending was appended: all of it is to be by the next one. */
  async replace(): Promise<void> {
    this.#current = await this.#renewed();
    this.#next = undefined;
    this.#options.pending.renumber();
  }

  /** What is to be sent now, by the current one. */
  takeSendable(): readonly PendingAppend[] {
    const { pending } = this.#options;
    if (this.#next !== undefined && pending.isUnnumbered) {
      this.#current = this.#next;
      this.#next = undefined;
      pending.continueFrom(0);
    }
    return pending.takeSendable({ again: this.#next !== undefined });
  }

  #renewed(): Promise<Producer> {
    return this.#options.renew(this.#next ?? this.#current);
  }

  async #become(producer: Producer, sequence: number): Promise<void> {
    await this.#options.onProducer?.(producer);
    this.#current = producer;
    this.#options.pending.continueFrom(sequence);
  }
}
