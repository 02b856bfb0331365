/** The connection of a writer to whoever leads its partition, with what is under way on it, in the order of the appends. */
import { sealForKafka } from '../../event/record-batch.ts';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import type { TopicPartition } from '../port.ts';
import type { BrokerLink } from './broker-link.ts';
import { type Cluster, NoLeader } from './cluster.ts';
import type { PendingAppend } from './pending-appends.ts';
import type { Producer } from './producer.ts';
import { produceBatch } from './protocol.ts';

export type Outcome = { readonly baseOffset: number } | { readonly failure: unknown };

export class ProduceLink {
  readonly #cluster: Cluster;
  readonly #at: TopicPartition;
  #link: BrokerLink | undefined;
  #outcomes: Promise<Outcome>[] = [];

  constructor(cluster: Cluster, at: TopicPartition) {
    this.#cluster = cluster;
    this.#at = at;
  }

  get isOpen(): boolean {
    return this.#link !== undefined;
  }

  /** Throws what the library throws. */
  async open(): Promise<void> {
    this.#link ??= await this.#cluster.openLink(this.#at);
  }

  /** Of the oldest that is under way; it never rejects. */
  get oldest(): Promise<Outcome> | undefined {
    return this.#outcomes[0];
  }

  /** The oldest is under way no more. */
  settled(): void {
    this.#outcomes.shift();
  }

  /** Puts them on the wire. */
  send(appends: readonly PendingAppend[], producer: Producer): void {
    const link = this.#link;
    if (link === undefined) return;
    for (const append of appends) this.#outcomes.push(this.#produce(link, append, producer));
  }

  /** What becomes of what is under way is not known. */
  drop(): void {
    this.#link?.close();
    this.#link = undefined;
    this.#outcomes = [];
  }

  async #produce(link: BrokerLink, { bytes, sequence }: PendingAppend, { id, epoch }: Producer): Promise<Outcome> {
    const { topic, partition } = this.#at;
    sealForKafka(bytes, id, epoch, sequence ?? 0);
    try {
      const { responses } = await link.ask(produceBatch, topic, partition, bytes, KAFKA_LIMITS.acknowledgeMs);
      const baseOffset = Number(responses[0]?.partitionResponses[0]?.baseOffset ?? -1);
      // It is sent again: nothing is durable because of an answer that does not say so.
      return baseOffset < 0 ? { failure: new NoLeader('the answer says nothing of the append') } : { baseOffset };
    } catch (failure) {
      return { failure };
    }
  }
}
