/** The queue on Apache Kafka, for any number of machines. */
import { setTimeout as delay } from 'node:timers/promises';
import type { BatchCompression } from '../../event/record-batch.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { LastingTrouble } from '../../lib/lasting-trouble.ts';
import { LATE_LIMITS, LEDGER_LIMITS } from '../../lib/limits.ts';
import type {
  GroupMember,
  JoinOptions,
  Offset,
  PartitionReader,
  PartitionWriter,
  Queue,
  ReaderOptions,
  TopicLayout,
  TopicPartition,
} from '../port.ts';
import { atWork } from './appenders.ts';
import { asSpillwayError } from './broker-errors.ts';
import { Cluster } from './cluster.ts';
import { KafkaTopics } from './created-topics.ts';
import { membersOf } from './group-members.ts';
import { committedOffset, committedOffsets } from './group-offsets.ts';
import { LayoutWatch } from './layout-watch.ts';
import { LogSizes } from './log-sizes.ts';
import { KafkaMetrics } from './metrics.ts';
import { endOffsets, offsetAt, WHEN } from './offsets.ts';
import { OpenPartitions } from './open-partitions.ts';
import { QueueMembers } from './queue-members.ts';
import {
  CATALOGUE_TOPIC,
  CONTROL_TOPIC,
  type KafkaQueueOptions,
  type KafkaTopicOptions,
  LEDGER_TOPIC,
} from './queue-options.ts';
import { QueueRecord } from './queue-record.ts';
import { removeBefore, removeOld } from './retention.ts';
import { type LookOptions, RoleTopics, type TopicsThere } from './role-topics.ts';
import { SharedTopic } from './shared-topic.ts';

/** Makes and checks the topics. Throws QUEUE_UNREACHABLE, QUEUE_REFUSED, QUEUE_TOPIC_INVALID. */
export async function openKafka(options: KafkaQueueOptions): Promise<KafkaQueue> {
  const queue = new KafkaQueue(options);
  try {
    await queue.prepare();
    return queue;
  } catch (thrown) {
    await queue.close();
    throw thrown;
  }
}

/** Nothing of it but `probe()` and `close()` before `prepare()`. */
export class KafkaQueue implements Queue {
  readonly #options: KafkaQueueOptions;
  readonly cluster: Cluster;
  readonly sizes: LogSizes;
  /** That brokers do not answer, whoever in this process notices it. */
  readonly trouble: LastingTrouble;
  /** What all that use the queue agree on, as last read. */
  readonly record: QueueRecord;
  /** Those of the roles, and the queue's own. */
  readonly #roleTopics: RoleTopics;
  /** The topics that users create. */
  readonly created: KafkaTopics;
  readonly #opened: OpenPartitions;
  readonly #members: QueueMembers;
  readonly #layouts: LayoutWatch;
  /** Where sources that this process maps move with others'. */
  readonly #shared: SharedTopic | undefined;

  constructor(options: KafkaQueueOptions) {
    this.#options = options;
    const metrics = new KafkaMetrics(options.registry);
    this.cluster = new Cluster(options, metrics.links);
    this.sizes = new LogSizes(this.cluster, options.log);
    this.trouble = new LastingTrouble({
      log: options.log,
      text: `Kafka (${this.cluster.brokers}) does not answer as it should: what needs it waits, and goes on by itself`,
      over: `Kafka (${this.cluster.brokers}) answers again`,
    });
    this.#opened = new OpenPartitions({ ...options, cluster: this.cluster, metrics, trouble: this.trouble });
    const controlLog = {
      log: options.log,
      openReader: (at: TopicPartition) => this.#opened.reader(at),
      openWriter: (at: TopicPartition) => this.#opened.writer(at, 'one'),
      removeBefore: (at: TopicPartition, position: number) => removeBefore(this.cluster, at, position),
    };
    this.record = new QueueRecord({ ...controlLog, at: { topic: this.nameOf(CONTROL_TOPIC), partition: 0 } });
    this.#roleTopics = new RoleTopics({
      ...options,
      cluster: this.cluster,
      record: this.record,
      nameOf: (topic) => this.nameOf(topic),
      onRaised: (topics) => this.#layouts.tellOf(topics),
    });
    this.#shared = this.#sharedTopic();
    this.#members = new QueueMembers({
      ...options,
      cluster: this.cluster,
      record: this.record,
      trouble: this.trouble,
      nameOf: (name) => this.nameOf(name),
      refreshLayouts: () => this.refreshLayouts(),
    });
    this.created = new KafkaTopics({
      controlLog,
      at: { topic: this.nameOf(CATALOGUE_TOPIC), partition: 0 },
      cluster: this.cluster,
      promise: options,
      log: options.log,
      nameOf: (name) => this.nameOf(name),
      follow: (topics) => this.#follow(topics),
    });
    this.#layouts = new LayoutWatch({
      ...options,
      cluster: this.cluster,
      record: this.record,
      roleTopics: this.#roleTopics,
      created: this.created,
      opened: this.#opened,
      shared: this.#shared,
      trouble: this.trouble,
      partitionCount: (topic) => this.partitionCount(topic),
    });
  }

  /** Says soon where no broker answers: QUEUE_UNREACHABLE. */
  async probe(): Promise<SpillwayError | undefined> {
    const options = { doing: 'looking for a broker', forMs: LATE_LIMITS.probeMs };
    const asked = this.cluster
      .persist(options, () => this.cluster.refresh())
      .then(
        () => undefined,
        (thrown: unknown) => asSpillwayError(thrown, options.doing, this.cluster.brokers),
      );
    const silent = new SpillwayError('QUEUE_UNREACHABLE', `Kafka (${this.cluster.brokers}) did not answer.`);
    const failure = await Promise.race([asked, delay(LATE_LIMITS.probeMs, silent, { ref: false })]);
    return failure?.code === 'QUEUE_UNREACHABLE' ? failure : undefined;
  }

  /** What there is of it, for whoever only asks: nothing is made or used. */
  look(options: LookOptions): Promise<TopicsThere> {
    this.#follow([]);
    return this.#roleTopics.look(options);
  }

  /** Again is the same: for when the brokers were away, or were those of another cluster. */
  async prepare(): Promise<void> {
    try {
      await this.#prepare();
    } catch (thrown) {
      await this.cluster.forget();
      throw thrown;
    }
  }

  async #prepare(): Promise<void> {
    // Those that an earlier attempt has found are not told of again.
    this.#follow(Object.keys(this.created.catalogue.topics));
    await this.#roleTopics.prepare(this, () => this.created.refresh());
    this.#layouts.begin();
  }

  /** Each topic has at least so many partitions when it resolves. */
  async raisePartitions(counts: Readonly<Record<string, number>>): Promise<void> {
    await this.record.refresh();
    await this.#roleTopics.raise(counts);
  }

  async openWriter(at: TopicPartition): Promise<PartitionWriter> {
    this.#assertThere(at);
    const { writers } = this.#topic(at.topic);
    const who = typeof writers === 'function' ? writers(at.partition) : writers;
    const named = this.#named(at);
    const shared = who === 'many' && this.#shared?.topic === at.topic ? this.#shared : undefined;
    return this.#opened.writer(named, who, at, shared && ((producer) => shared.admit(named, producer)));
  }

  openReader(at: TopicPartition, options?: ReaderOptions): PartitionReader {
    this.#assertThere(at);
    return this.#opened.reader(this.#named(at), at, options);
  }

  async joinGroup(group: string, options: JoinOptions): Promise<GroupMember> {
    for (const topic of options.topics) this.#topic(topic);
    return this.#members.join(group, options);
  }

  /** What the group has committed, whoever has the partition. */
  committed(group: string, at: TopicPartition): Promise<number | undefined> {
    return committedOffset(this.cluster, this.nameOf(group), this.#named(at));
  }

  /** Where the partition ends now. */
  endOffset(at: TopicPartition): Promise<number> {
    return offsetAt(this.cluster, this.#named(at), WHEN.end);
  }

  /** Where each of the partitions ends now; undefined where nobody says it. */
  endOffsets(places: readonly TopicPartition[]): Promise<readonly (number | undefined)[]> {
    return endOffsets(
      this.cluster,
      places.map((at) => this.#named(at)),
    );
  }

  get topicNames(): readonly string[] {
    return Object.keys(this.#options.topics).sort();
  }

  partitionCount(topic: string): number {
    return this.layout(topic).partitions;
  }

  layout(topic: string): TopicLayout {
    const { partitions } = this.#topic(topic);
    return this.record.layout(topic) ?? { partitions, firstPartitions: partitions, unbarred: [] };
  }

  onPartitions(listener: (topic: string) => void): () => void {
    return this.#layouts.onPartitions(listener);
  }

  async registerBarrier(topic: string, ends: readonly Offset[]): Promise<void> {
    this.#topic(topic);
    if (topic === this.#shared?.topic) await this.#shared.moves.complete(ends.length);
    else await this.record.setBarrier(topic, ends);
  }

  mapsTo(topic: string, partitions: number): void {
    if (topic === this.#shared?.topic) this.#shared.moves.mapsTo(partitions);
  }

  /** Called once, in the moment in which others are found to have moved sources without this process (moves.ts). */
  onOut(listener: () => void): void {
    this.#shared?.moves.onOut(listener);
  }

  /** Who may append, where several processes do, as last read: one that was killed counts until partitions are added. */
  get appenderCount(): number {
    return atWork(this.record.state.appenders).length;
  }

  /** How many members of the group are alive, as far as the brokers know: one that was killed counts for a while. */
  async memberCount(group: string): Promise<number> {
    return (await membersOf(this.cluster, this.nameOf(group))).length;
  }

  /** Says what the group's members write to. Throws CONFIG_INVALID where others are there that write to something else. */
  async claim(group: string, what: string): Promise<void> {
    await this.record.claim(group, what, await this.memberCount(group));
  }

  /** The topic of the ledger, which is shared by all who use this queue, and how far the logs go that it counts. */
  get ledger() {
    const at = { topic: this.nameOf(LEDGER_TOPIC), partition: 0 };
    return {
      openReader: (): PartitionReader => this.#opened.reader(at),
      openWriter: (): Promise<PartitionWriter> => this.#opened.writer(at, 'many'),
      removeBefore: (position: number): Promise<void> => removeBefore(this.cluster, at, position),
      ends: (places: readonly TopicPartition[]) => this.endOffsets(places),
      committed: (group: string, topic: string, partitions: readonly number[]) =>
        committedOffsets(this.cluster, this.nameOf(group), this.nameOf(topic), partitions),
    };
  }

  compression(topic: string): BatchCompression {
    return this.#topic(topic).compression;
  }

  /** For how long what waits in a writer of this process has not moved on; 0 where nothing waits. */
  get troubledForMs(): number {
    return this.#opened.troubledForMs;
  }

  /** Looks for partitions that somebody has added. */
  refreshLayouts(): Promise<void> {
    return this.#layouts.refresh();
  }

  /** Removes what is old, or too much, and was read by everybody who must; any process may, as often as it likes. */
  async retain(): Promise<void> {
    const { topics, log } = this.#options;
    await this.created.refresh();
    await this.#retainLedger();
    for (const [topic, { retention, requiredGroups = [] }] of [
      ...Object.entries(topics),
      ...this.created.living.map((name) => [name, this.#topic(name)] as const),
    ]) {
      if (retention === undefined) continue;
      const groups = requiredGroups.map((group) => this.nameOf(group));
      const [name, partitions] = [this.nameOf(topic), this.partitionCount(topic)];
      const removed = await removeOld(this.cluster, name, partitions, retention, groups, this.sizes);
      if (removed > 0) log.info({ topic, records: removed }, 'removed records past their retention');
    }
  }

  /** Whoever follows the ledger keeps its topic short; where nobody does, it ends here. */
  async #retainLedger(): Promise<void> {
    const policy = { maxBytes: LEDGER_LIMITS.topicBytes };
    await removeOld(this.cluster, this.nameOf(LEDGER_TOPIC), 1, policy, [], this.sizes);
  }

  async close(): Promise<void> {
    this.#layouts.end();
    this.trouble.end();
    await this.#members.leave();
    const isClean = await this.#opened.closeWriters();
    await this.#shared?.leave(isClean);
    await this.#opened.closeReaders();
    await this.cluster.close();
  }

  /** Kafka's name of a topic or group. */
  nameOf(name: string): string {
    return `${this.#options.prefix}${name}`;
  }

  /** Whose leaders are to be known. */
  #follow(created: readonly string[]): void {
    this.cluster.follow([...this.#roleTopics.names, ...created.map((topic) => this.nameOf(topic))]);
  }

  #named({ topic, partition }: TopicPartition): TopicPartition {
    return { topic: this.nameOf(topic), partition };
  }

  #sharedTopic(): SharedTopic | undefined {
    const { appends, log } = this.#options;
    if (appends === undefined) return undefined;
    const { cluster, record } = this;
    const openReader = (at: TopicPartition) => this.#opened.reader(at, at, { showsFences: true });
    return new SharedTopic({ appends, name: this.nameOf(appends.topic), cluster, record, log, openReader });
  }

  #topic(topic: string): KafkaTopicOptions {
    const known = Object.hasOwn(this.#options.topics, topic)
      ? this.#options.topics[topic]
      : this.created.optionsOf(topic);
    if (known === undefined) throw new SpillwayError('NOT_FOUND', `There is no topic '${topic}'.`);
    return known;
  }

  #assertThere({ topic, partition }: TopicPartition): void {
    const partitions = this.partitionCount(topic);
    if (partition < partitions) return;
    throw new SpillwayError('NOT_FOUND', `Topic '${topic}' has ${partitions} partitions, from 0.`);
  }
}
