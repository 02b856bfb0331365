/**
 * The connections of a process to the brokers of a cluster: those that are shared by short questions, and those of readers
 * and writers. Each says whose it is before it is used (cluster-identity.ts), and none is open after the end.
 */
import { SpillwayError } from '../../lib/errors.ts';
import { labelOf } from './broker-errors.ts';
import { BrokerLink } from './broker-link.ts';
import { ClusterIdentity } from './cluster-identity.ts';
import type { LinkMetrics } from './metrics.ts';
import { type BrokerAddress, type KafkaOptions, printAddress } from './options.ts';
import { metadata } from './protocol.ts';

export interface BrokerLinksOptions extends KafkaOptions {
  readonly metrics: LinkMetrics | undefined;
  /** Brokers of another cluster answer: what is known of addresses is not worth much then. */
  readonly onAnother: () => void;
}

export class BrokerLinks {
  readonly #options: BrokerLinksOptions;
  readonly #shared = new Map<string, Promise<BrokerLink>>();
  /** All that may be open, whoever has them. */
  readonly #opened = new Set<BrokerLink>();
  readonly #identity = new ClusterIdentity();
  readonly #ending = new AbortController();
  #endTimer: NodeJS.Timeout | undefined;

  constructor(options: BrokerLinksOptions) {
    this.#options = options;
  }

  /** Fires when there will be none any more. */
  get ended(): AbortSignal {
    return this.#ending.signal;
  }

  /** From now on only the cluster that has answered is meant. */
  pinCluster(): void {
    this.#identity.pin();
  }

  /** The one that is shared by short questions. Throws what the library throws, and AnotherCluster. */
  async shared(address: BrokerAddress): Promise<BrokerLink> {
    const key = printAddress(address);
    const known = this.#shared.get(key);
    if (known !== undefined && (await known.catch(() => undefined))?.isOpen === true) return known;
    if (this.#shared.get(key) !== known) return this.shared(address);
    const opening = this.open(address);
    this.#shared.set(key, opening);
    opening.catch(() => this.#shared.delete(key));
    return opening;
  }

  /**
   * One of the caller's own. A connection that is left open keeps its process from ending: there is none after the end,
   * whoever still asks.
   */
  async open(address: BrokerAddress): Promise<BrokerLink> {
    if (this.ended.aborted) throw closed();
    const { metrics } = this.#options;
    const link = await BrokerLink.open(address, this.#options, metrics, this.ended).catch((thrown: unknown) => {
      throw this.ended.aborted ? closed() : thrown;
    });
    for (const known of this.#opened) if (!known.isOpen) this.#opened.delete(known);
    this.#opened.add(link);
    try {
      await this.#assertSame(link);
      if (!this.ended.aborted) return link;
    } catch (thrown) {
      link.close();
      throw this.ended.aborted ? closed() : thrown;
    }
    link.close();
    throw closed();
  }

  /** Begins again: whoever answers may be of another cluster, unless that is pinned. */
  async forget(): Promise<void> {
    this.#identity.forget();
    await this.#closeShared();
  }

  /** Brokers that do not answer have so long: then every connection is closed, whoever has it. */
  endWithin(ms: number): void {
    this.#endTimer ??= setTimeout(() => this.#end(), ms).unref();
  }

  async close(): Promise<void> {
    clearTimeout(this.#endTimer);
    this.#end();
    await this.#closeShared();
  }

  async #closeShared(): Promise<void> {
    const links = [...this.#shared.values()];
    this.#shared.clear();
    for (const opening of links) (await opening.catch(() => undefined))?.close();
  }

  #end(): void {
    this.#ending.abort();
    for (const link of this.#opened) link.close();
    this.#opened.clear();
  }

  async #assertSame(link: BrokerLink): Promise<void> {
    const { clusterId } = await link.ask(metadata, []);
    const { metrics, onAnother } = this.#options;
    try {
      this.#identity.assertSame(clusterId, link.address);
    } catch (thrown) {
      metrics?.failed(printAddress(link.address), labelOf(thrown));
      onAnother();
      throw thrown;
    }
  }
}

export const closed = (): SpillwayError => new SpillwayError('UNAVAILABLE', 'The queue is closed.');
