/**
 * The topics that the roles use, and those that the queue has for itself: made and checked at a start, by whichever process
 * comes first, raised while they are used, and from then on the same ones (topic-identity.ts).
 */
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Cluster } from './cluster.ts';
import { CONTROL_TOPIC, type GrowingQueue, type KafkaQueueOptions, OWN_TOPICS } from './queue-options.ts';
import type { QueueRecord } from './queue-record.ts';
import { assertKnown, assertNoneGone, MissingTopics, missingOf } from './topic-identity.ts';
import { ensurePartitions, ensureTopics } from './topics.ts';

export interface RoleTopicsOptions
  extends Pick<
    KafkaQueueOptions,
    'topics' | 'site' | 'mayNameSite' | 'known' | 'mayGrow' | 'replication' | 'minInsyncReplicas'
  > {
  readonly cluster: Cluster;
  readonly record: QueueRecord;
  readonly log: Logger;
  /** Kafka's name of a topic. */
  readonly nameOf: (topic: string) => string;
  /** They may have more partitions than before. */
  readonly onRaised: (topics: readonly string[]) => void;
}

export interface LookOptions {
  /** Those that were there once, by Kafka's names: a broker that has only just started may not know them yet. */
  readonly noted: readonly string[];
  /** For how long such are waited for. */
  readonly missingMs?: number;
}

/** What there is now of a queue. */
export interface TopicsThere {
  /** Whether anybody has started on it, as far as its control topic says. */
  readonly hasBegun: boolean;
  /** Undefined where nobody has said it. */
  readonly site: string | undefined;
  /** Those that are gone, or others now, by Kafka's names. */
  readonly lost: readonly string[];
  /** Kafka's id of what has that name. */
  readonly idOf: (name: string) => string | undefined;
}

export class RoleTopics {
  /** As Kafka calls them. */
  readonly names: readonly string[];
  readonly #options: RoleTopicsOptions;
  readonly #missing: MissingTopics;

  constructor(options: RoleTopicsOptions) {
    this.#options = options;
    this.#missing = new MissingTopics(options.log);
    this.names = [...Object.keys(options.topics), ...OWN_TOPICS].map((topic) => options.nameOf(topic));
  }

  /** Again is the same. `readCreated`: what users have made, when it is there to be read. */
  async prepare(queue: GrowingQueue, readCreated: () => Promise<void>): Promise<void> {
    const { cluster, record, topics, site, mayNameSite, log, nameOf } = this.#options;
    const wanted = Object.entries(topics).map(([topic, { partitions }]) => ({ name: nameOf(topic), partitions }));
    const own = OWN_TOPICS.map((topic) => ({ name: nameOf(topic), partitions: 1 }));
    const isFirst = !(await this.#assertNoneGone());
    if (site !== undefined) record.assertSite(site, this.#all);
    await ensureTopics(cluster, [...wanted, ...own], this.#options, log);
    await readCreated();
    // Somebody else may have begun at the same time.
    if (isFirst || record.counts.size === 0) await record.refresh();
    if (site !== undefined) await record.settleSite(site, this.#all, mayNameSite);
    await this.raise(await this.#countsAtStart(queue));
    for (const name of this.names) {
      const doing = `asking for ${name}`;
      cluster.pin(name, await cluster.persist({ doing }, async () => cluster.idOf(name)));
    }
    cluster.pinCluster();
  }

  /** Makes and changes nothing. Throws QUEUE_REFUSED where this user may not know which there are. */
  async look({ noted, missingMs = KAFKA_LIMITS.missingTopicMs }: LookOptions): Promise<TopicsThere> {
    const { cluster, record, topics, nameOf } = this.#options;
    const control = nameOf(CONTROL_TOPIC);
    const ask = () => cluster.persist({ doing: 'asking for the topics' }, () => cluster.refresh());
    const untilMs = performance.now() + missingMs;
    const waitFor = async (names: readonly string[]) => {
      const missing = await missingOf(cluster, names, Math.max(0, untilMs - performance.now()));
      // Who says so has to answer yet.
      if (missing.length > 0) await ask();
    };
    await ask();
    for (const name of this.names) cluster.assertMayKnow(name);
    if (noted.length > 0) await waitFor([...noted, control]);
    const idOf = (name: string) => cluster.topic(name)?.id;
    if (idOf(control) === undefined) return { hasBegun: false, site: undefined, lost: [], idOf };
    await record.refresh();
    const known = Object.entries(record.ids).filter(([topic]) => Object.hasOwn(topics, topic));
    const names = known.map(([topic, id]) => [nameOf(topic), id] as const);
    await waitFor(names.map(([name]) => name));
    const lost = names.filter(([name, id]) => idOf(name) !== id).map(([name]) => name);
    return { hasBegun: true, site: record.state.site, lost, idOf };
  }

  /** Each topic has at least so many partitions when it resolves, by what was read last. */
  async raise(counts: Readonly<Record<string, number>>): Promise<void> {
    const { cluster, record, nameOf, onRaised } = this.#options;
    // What is there already, made by whoever made the topic, is what it began with.
    const there = (topic: string, count: number) => Math.max(count, cluster.topic(nameOf(topic))?.leaders.length ?? 0);
    for (const [topic, count] of Object.entries(counts)) {
      record.assertMayRaise(topic, count);
      await ensurePartitions(cluster, { name: nameOf(topic), partitions: count });
    }
    const raised = Object.entries(counts).map(([topic, count]) => [topic, there(topic, count)]);
    await record.raise(Object.fromEntries(raised), (topic) => cluster.idOf(nameOf(topic)));
    onRaised(Object.keys(counts));
  }

  /** Says so where one is gone while it is used. */
  lookForGone(): void {
    this.#missing.look(this.#options.cluster, this.names);
  }

  /** For a sentence. */
  get #all(): string {
    const { cluster, nameOf } = this.#options;
    return `The topics ${nameOf('')}* of Kafka (${cluster.brokers}) are`;
  }

  /** What is known of topics that were made before, is not made anew. False where this queue has just begun. */
  async #assertNoneGone(): Promise<boolean> {
    const { cluster, record, topics, known: noted, nameOf } = this.#options;
    const control = nameOf(CONTROL_TOPIC);
    await cluster.persist({ doing: 'asking for the topics' }, () => cluster.refresh());
    // Before anything of it is believed.
    if (noted !== undefined) await assertKnown(cluster, noted, { all: this.names, control });
    if (cluster.topic(control) === undefined) return false;
    await record.refresh();
    const known = Object.entries(record.ids).filter(([topic]) => Object.hasOwn(topics, topic));
    await assertNoneGone(cluster, new Map(known.map(([topic, id]) => [nameOf(topic), id])));
    return true;
  }

  /** As configured; as they are, where more may not be added now. */
  async #countsAtStart(queue: GrowingQueue): Promise<Readonly<Record<string, number>>> {
    const { topics, record, mayGrow } = this.#options;
    const known = record.counts;
    const wanted = Object.entries(topics).map(([topic, { partitions }]) => [topic, partitions] as const);
    const isMore = wanted.some(([topic, count]) => (known.get(topic) ?? count) < count);
    if (!isMore || ((await mayGrow?.(queue)) ?? true)) return Object.fromEntries(wanted);
    return Object.fromEntries(wanted.map(([topic, count]) => [topic, known.get(topic) ?? count]));
  }
}
