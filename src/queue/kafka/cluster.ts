/**
 * Who is responsible for what in a cluster: the leaders of partitions, the coordinators of groups and takeovers. Learnt
 * from any broker, and learnt again when an answer says that it is not so any more. Every question here is asked again,
 * of whoever is responsible by then, until KAFKA_LIMITS.answerMs have passed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { API } from '@platformatic/kafka';
import { SpillwayError } from '../../lib/errors.ts';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import { placeOf } from '../place.ts';
import type { TopicPartition } from '../port.ts';
import { asSpillwayError, passes, topicReplaced, verdictOn } from './broker-errors.ts';
import type { BrokerLink } from './broker-link.ts';
import { BrokerLinks, closed } from './broker-links.ts';
import { AnotherCluster } from './cluster-identity.ts';
import type { LinkMetrics } from './metrics.ts';
import { type BrokerAddress, type KafkaOptions, parseAddress, printAddress } from './options.ts';
import { findCoordinator, metadata, TOPIC_AUTHORIZATION_FAILED } from './protocol.ts';

export interface KnownTopic {
  readonly id: string;
  /** By partition: the broker that leads it, or -1 while it has none. */
  readonly leaders: readonly number[];
  /** By partition: on how many brokers it is. */
  readonly replicas: readonly number[];
}

export type CoordinatorKind = 'group' | 'transaction';
const COORDINATOR_KINDS: Readonly<Record<CoordinatorKind, number>> = { group: 0, transaction: 1 };

export interface AskOptions {
  /** What is being done, for a sentence. */
  readonly doing: string;
  readonly forMs?: number;
  readonly signal?: AbortSignal;
}

export class Cluster {
  readonly #options: KafkaOptions;
  readonly #bootstrap: readonly BrokerAddress[];
  readonly #links: BrokerLinks;
  readonly #topics = new Map<string, KnownTopic>();
  /** Of which this user may not be told. */
  readonly #denied = new Set<string>();
  /** Which topic of that name is meant. */
  readonly #pinned = new Map<string, string>();
  readonly #coordinators = new Map<string, BrokerAddress>();
  #brokers = new Map<number, BrokerAddress>();
  #names: readonly string[] = [];
  #refreshing: { readonly names: readonly string[]; readonly done: Promise<void> } | undefined;

  constructor(options: KafkaOptions, metrics?: LinkMetrics) {
    this.#options = options;
    this.#links = new BrokerLinks({ ...options, metrics, onAnother: () => this.#forgetAddresses() });
    this.#bootstrap = options.brokers.flatMap((text) => parseAddress(text) ?? []);
  }

  /** Fires when nobody is asked any more. */
  get ended(): AbortSignal {
    return this.#links.ended;
  }

  /** For sentences. */
  get brokers(): string {
    return this.#options.brokers.join(', ');
  }

  get brokerAddresses(): readonly BrokerAddress[] {
    return [...this.#brokers.values()];
  }

  /** Topics that are to be known. */
  follow(names: readonly string[]): void {
    this.#names = names;
  }

  /** As last heard; undefined where it is not there. */
  topic(name: string): KnownTopic | undefined {
    return this.#topics.get(name);
  }

  /** Throws QUEUE_REFUSED where brokers do not say whether it is there. */
  assertMayKnow(name: string): void {
    if (!this.#denied.has(name)) return;
    throw new SpillwayError(
      'QUEUE_REFUSED',
      `Kafka (${this.brokers}) does not allow this user to know of the topic ${name}. Give it the rights that the page ` +
        'about Kafka lists.',
    );
  }

  /** From now on only the cluster that has answered is meant, whoever else answers under its addresses. */
  pinCluster(): void {
    this.#links.pinCluster();
  }

  /** From now on only the topic with this id is meant by the name. */
  pin(name: string, id: string): void {
    this.#pinned.set(name, id);
  }

  /** Whether it is known which topic is meant by the name: that is never made anew. */
  isPinned(name: string): boolean {
    return this.#pinned.has(name);
  }

  /** What the topic of that name that is meant is called by brokers. Throws an error that passes where there was none yet. */
  idOf(name: string): string {
    const id = this.knownIdOf(name);
    if (id === undefined) throw new NoLeader(`${name} is not there`);
    return id;
  }

  knownIdOf(name: string): string | undefined {
    return this.#pinned.get(name) ?? this.#topics.get(name)?.id;
  }

  /** Whether there is another topic of that name now than the one that is meant. */
  isReplaced(name: string): boolean {
    const pinned = this.#pinned.get(name);
    const id = this.#topics.get(name)?.id;
    return pinned !== undefined && id !== undefined && id !== pinned;
  }

  /** Throws QUEUE_TOPIC_INVALID where another topic has the name now. */
  assertSame(name: string): void {
    if (this.isReplaced(name)) throw topicReplaced(name);
  }

  /** Asks which topics and brokers there are. */
  async refresh(): Promise<void> {
    // What was asked before other topics were to be known says nothing of them.
    while (this.#refreshing !== undefined && this.#refreshing.names !== this.#names) {
      await this.#refreshing.done.catch(() => {});
    }
    this.#refreshing ??= {
      names: this.#names,
      done: this.#refresh().finally(() => {
        this.#refreshing = undefined;
      }),
    };
    await this.#refreshing.done;
  }

  /** Of any broker. */
  askAny<Question extends unknown[], Answer>(
    options: AskOptions,
    api: API<Question, Answer>,
    ...question: Question
  ): Promise<Answer> {
    return this.persist(options, async () => (await this.#anyLink()).ask(api, ...question));
  }

  /** Of every broker; the answers of those that give one. */
  async askEach<Question extends unknown[], Answer>(
    options: AskOptions,
    api: API<Question, Answer>,
    ...question: Question
  ): Promise<Answer[]> {
    await this.persist(options, () => this.refresh());
    const asked = await Promise.allSettled(
      this.brokerAddresses.map(async (address) => (await this.#links.shared(address)).ask(api, ...question)),
    );
    return asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  }

  /** Of the leader of the partition. */
  askLeader<Question extends unknown[], Answer>(
    at: TopicPartition,
    options: AskOptions,
    api: API<Question, Answer>,
    ...question: Question
  ): Promise<Answer> {
    return this.persist(options, async () => (await this.#links.shared(await this.leader(at))).ask(api, ...question));
  }

  /** Of one broker, once: whoever asks knows what it leads. Throws what the library throws. */
  async askOnce<Question extends unknown[], Answer>(
    address: BrokerAddress,
    api: API<Question, Answer>,
    ...question: Question
  ): Promise<Answer> {
    return (await this.#links.shared(address)).ask(api, ...question);
  }

  askCoordinator<Question extends unknown[], Answer>(
    kind: CoordinatorKind,
    key: string,
    options: AskOptions,
    api: API<Question, Answer>,
    ...question: Question
  ): Promise<Answer> {
    return this.persist(options, async () => {
      try {
        return await (await this.#links.shared(await this.#coordinator(kind, key))).ask(api, ...question);
      } catch (thrown) {
        if (passes(thrown)) this.#coordinators.delete(`${kind} ${key}`);
        throw thrown;
      }
    });
  }

  /** A link of the caller's own to the leader of the partition. Throws what the library throws. */
  async openLink(at: TopicPartition): Promise<BrokerLink> {
    return this.#links.open(await this.leader(at));
  }

  /**
   * The leader as far as it is known. Throws an error that passes where there is none now, and QUEUE_TOPIC_INVALID where
   * another topic has the name.
   */
  async leader(at: TopicPartition): Promise<BrokerAddress> {
    if (!this.#topics.has(at.topic)) await this.refresh();
    this.assertSame(at.topic);
    const topic = this.#topics.get(at.topic);
    const id = topic?.leaders[at.partition];
    const address = id === undefined ? undefined : this.#brokers.get(id);
    if (address === undefined) {
      await this.refresh();
      throw new NoLeader(`${placeOf(at)} ${topic === undefined ? 'is not there' : 'has no leader now'}`);
    }
    return address;
  }

  /** Does it again while the failure is one that passes. */
  async persist<Answer>({ doing, forMs, signal }: AskOptions, once: () => Promise<Answer>): Promise<Answer> {
    const untilMs = performance.now() + (forMs ?? KAFKA_LIMITS.answerMs);
    let delayMs: number = KAFKA_LIMITS.retryDelayMs;
    for (;;) {
      if (this.ended.aborted) throw closed();
      try {
        return await once();
      } catch (thrown) {
        if (!passes(thrown) || performance.now() + delayMs > untilMs || signal?.aborted === true) {
          throw asSpillwayError(thrown, doing, this.brokers);
        }
      }
      const until = signal === undefined ? this.ended : AbortSignal.any([signal, this.ended]);
      await delay(delayMs, undefined, { signal: until }).catch(() => {});
      delayMs = Math.min(delayMs * 2, KAFKA_LIMITS.retryDelayMaxMs);
      await this.refresh().catch(() => {});
    }
  }

  /** Brokers that do not answer have so long: then every question fails and every connection is closed, whoever has it. */
  endWithin(ms: number): void {
    this.#links.endWithin(ms);
  }

  /**
   * Begins again with the addresses that it was told: whoever has answered may be of another cluster, and goes on
   * answering under the addresses that it gave. Which topics are meant is known as before.
   */
  async forget(): Promise<void> {
    this.#forgetAddresses();
    this.#topics.clear();
    await this.#links.forget();
  }

  close(): Promise<void> {
    return this.#links.close();
  }

  #forgetAddresses(): void {
    this.#brokers = new Map();
    this.#coordinators.clear();
  }

  async #refresh(): Promise<void> {
    const link = await this.#anyLink();
    const { brokers, topics } = await link.ask(metadata, [...this.#names]);
    if (brokers.length > 0) this.#brokers = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    for (const { name, topicId, partitions, errorCode } of topics) {
      if (typeof name !== 'string') continue;
      if (errorCode === TOPIC_AUTHORIZATION_FAILED) this.#denied.add(name);
      else this.#denied.delete(name);
      if (errorCode !== 0 && partitions.length === 0) {
        this.#topics.delete(name);
        continue;
      }
      const sorted = partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex);
      const leaders = sorted.map(({ leaderId }) => leaderId);
      this.#topics.set(name, { id: topicId, leaders, replicas: sorted.map(({ replicaNodes }) => replicaNodes.length) });
    }
  }

  /** To any broker that takes a connection. */
  async #anyLink(): Promise<BrokerLink> {
    const known = new Map(
      [...this.#brokers.values(), ...this.#bootstrap].map((address) => [printAddress(address), address]),
    );
    let failure: unknown;
    for (const address of known.values()) {
      try {
        return await this.#links.shared(address);
      } catch (thrown) {
        // What the others say does not explain it.
        if (!(failure instanceof AnotherCluster)) failure = thrown;
        // The others would say the same, but for a certificate: each has its own.
        if (!passes(thrown) && verdictOn(thrown) !== 'certificate') break;
      }
    }
    throw failure ?? new NoLeader('there is no broker');
  }

  async #coordinator(kind: CoordinatorKind, key: string): Promise<BrokerAddress> {
    const name = `${kind} ${key}`;
    const known = this.#coordinators.get(name);
    if (known !== undefined) return known;
    const { coordinators } = await (await this.#anyLink()).ask(findCoordinator, COORDINATOR_KINDS[kind], [key]);
    const found = coordinators[0];
    if (found === undefined) throw new NoLeader(`nobody coordinates ${kind} ${key}`);
    const address = { host: found.host, port: found.port };
    this.#coordinators.set(name, address);
    return address;
  }
}

/** Nobody is responsible now: as passing as a broker that does not answer. */
export class NoLeader extends Error {
  readonly code = 'PLT_KFK_NETWORK';
}
