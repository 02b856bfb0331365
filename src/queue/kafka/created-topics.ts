/**
 * Topics that users create on Kafka. The catalogue is a small topic (control-log.ts): what is wanted is written there
 * first, then done. `PUT` of the same again does what a crash has left half done; a start goes on with deletions.
 */
import { SpillwayError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import * as change from '../created/catalogue.ts';
import { ownerOf } from '../created/owned-names.ts';
import type { TopicAdmin } from '../created/topic-admin.ts';
import { isFenced } from '../is-fenced.ts';
import type { TopicPartition } from '../port.ts';
import { brokerErrorOf } from './broker-errors.ts';
import type { Cluster } from './cluster.ts';
import { ControlLog, type ControlLogOptions } from './control-log.ts';
import { membersOf } from './group-members.ts';
import { deleteGroups, offsetCommit } from './protocol.ts';
import { ensurePartitions, ensureTopic, removeTopic, type TopicPromise } from './topics.ts';
import { unlessSilent } from './unless-silent.ts';

type Catalogue = change.Catalogue;

export interface KafkaTopicsOptions {
  readonly controlLog: Pick<ControlLogOptions<Catalogue>, 'log' | 'openReader' | 'openWriter' | 'removeBefore'>;
  /** Where the catalogue is, as Kafka calls it. */
  readonly at: TopicPartition;
  readonly cluster: Cluster;
  readonly promise: TopicPromise;
  readonly log: Logger;
  /** Kafka's name of a topic or group. */
  readonly nameOf: (name: string) => string;
  /** These are to be known of the cluster, beside the roles' own. */
  readonly follow: (topics: readonly string[]) => void;
}

const ANYBODY = { epoch: -1, member: '', instance: null };

export class KafkaTopics implements TopicAdmin {
  readonly #options: KafkaTopicsOptions;
  readonly #control: ControlLog<Catalogue>;
  readonly #listeners = new Set<() => void>();
  /** That was told of last. */
  #told: Catalogue | undefined;

  constructor(options: KafkaTopicsOptions) {
    this.#options = options;
    const { controlLog, at } = options;
    this.#control = new ControlLog({ ...controlLog, at, empty: change.emptyCatalogue, parse: change.copyCatalogue });
  }

  get catalogue(): Catalogue {
    return this.#control.state;
  }

  /** Names of those that are not being deleted. */
  get living(): readonly string[] {
    return Object.entries(this.catalogue.topics).flatMap(([name, { isDeleting }]) => (isDeleting ? [] : [name]));
  }

  /** As the queue needs it; undefined where there is none of that name, or none any more. */
  optionsOf(name: string) {
    const topic = this.catalogue.topics[name];
    if (topic === undefined || topic.isDeleting) return undefined;
    const { partitions, retention, requiredGroups } = topic;
    return { partitions, retention, requiredGroups, compression: 'none', writers: 'many' } as const;
  }

  async refresh(): Promise<void> {
    await this.#control.refresh();
    await this.#tell();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async createTopic(name: string, settings: change.TopicSettings): Promise<void> {
    const { cluster, promise, log, nameOf } = this.#options;
    await this.#readForAsker();
    if (this.catalogue.topics[name] === undefined) await this.#refuseForeign(name);
    await this.#change((state) => change.addTopic(state, name, settings, Date.now()));
    // Also where it was there: a crash may have come between.
    await ensureTopic(cluster, { name: nameOf(name), partitions: settings.partitions, isOpen: true }, promise, log);
  }

  async changeTopic(name: string, wanted: Parameters<TopicAdmin['changeTopic']>[1]): Promise<void> {
    await this.#readForAsker();
    await this.#change((state) => change.changeTopic(state, name, wanted));
    const { cluster, nameOf } = this.#options;
    const { partitions } = wanted;
    // Also where the catalogue had them: a crash may have come between.
    if (partitions !== undefined) await ensurePartitions(cluster, { name: nameOf(name), partitions });
  }

  async beginDeletion(name: string): Promise<void> {
    await this.#readForAsker();
    await this.#change((state) => change.beginDeletion(state, name));
  }

  async endDeletion(name: string): Promise<void> {
    if (this.catalogue.topics[name]?.isDeleting !== true) return;
    await removeTopic(this.#options.cluster, this.#options.nameOf(name));
    await this.#change((state) => state.topics[name]?.isDeleting === true && change.endDeletion(state, name));
    this.#options.log.info({ topic: name }, 'a topic was deleted');
  }

  async addGroup(group: string, topics: readonly string[]): Promise<void> {
    await this.#change((state) => change.addGroup(state, group, topics));
  }

  async removeGroup(group: string): Promise<void> {
    const { cluster, nameOf } = this.#options;
    await this.#readForAsker();
    change.removeGroup(change.copyCatalogue(this.catalogue), group);
    const groupId = nameOf(group);
    try {
      await cluster.askCoordinator('group', groupId, { doing: `removing group ${group}` }, deleteGroups, [groupId]);
    } catch (thrown) {
      const reason = brokerErrorOf(thrown);
      if (reason === 'NON_EMPTY_GROUP') throw change.groupInUse(group);
      if (reason !== 'GROUP_ID_NOT_FOUND') throw thrown;
    }
    await this.#change((state) => state.groups[group] !== undefined && change.removeGroup(state, group));
  }

  async resetOffset(group: string, { topic, partition }: TopicPartition, position: number): Promise<void> {
    const { cluster, nameOf } = this.#options;
    await this.addGroup(group, [topic]);
    const groupId = nameOf(group);
    if ((await membersOf(cluster, groupId)).length > 0) throw change.groupInUse(group);
    const partitions = [{ partitionIndex: partition, committedOffset: BigInt(position), committedLeaderEpoch: -1 }];
    const { epoch, member, instance } = ANYBODY;
    try {
      const doing = `setting where group ${group} goes on`;
      await cluster.askCoordinator('group', groupId, { doing }, offsetCommit, groupId, epoch, member, instance, [
        { name: nameOf(topic), partitions },
      ]);
    } catch (thrown) {
      // Somebody has joined meanwhile.
      if (isFenced(thrown)) throw change.groupInUse(group);
      throw thrown;
    }
  }

  /** A topic of somebody else under that name is nobody's here to give away. */
  async #refuseForeign(name: string): Promise<void> {
    const { cluster, follow, nameOf } = this.#options;
    follow([...this.living, name]);
    await cluster.persist({ doing: `looking for the topic ${name}` }, () => cluster.refresh());
    if (cluster.topic(nameOf(name)) === undefined) return;
    // Another collector may have created it since the catalogue was read.
    await this.#control.refresh();
    if (this.catalogue.topics[name] !== undefined) return;
    throw new SpillwayError(
      'TOPIC_EXISTS',
      `Kafka has a topic ${nameOf(name)} that was not created here: choose another name than ${ownerOf(name)?.name ?? name}.`,
    );
  }

  /** Before anything is done that somebody waits for: whether Kafka answers. */
  async #readForAsker(): Promise<void> {
    await unlessSilent(this.#options.cluster, 'asking for the topics that users created', this.#control.refresh());
  }

  async #change(apply: (state: Catalogue) => boolean): Promise<void> {
    await this.#control.change(apply);
    await this.#tell();
  }

  async #tell(): Promise<void> {
    const { cluster, follow } = this.#options;
    if (this.#told === this.catalogue) return;
    const isFirst = this.#told === undefined;
    this.#told = this.catalogue;
    follow(Object.keys(this.catalogue.topics));
    if (!isFirst || Object.keys(this.catalogue.topics).length > 0) {
      await cluster.persist({ doing: 'asking for the topics' }, () => cluster.refresh());
    }
    for (const listener of this.#listeners) listener();
  }
}
