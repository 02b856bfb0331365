/**
 * Topics that users create in the embedded queue. What is wanted is made durable in the catalogue first, then done; a
 * start does what a crash has left half done: partitions of a new topic, files of a deleted one.
 */
import { join } from 'node:path';
import { type Clock, systemClock } from '../../lib/clock.ts';
import type { Disk } from '../../lib/disk.ts';
import { listOrNone, removeIfThere } from '../../lib/disk-files.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import * as change from '../created/catalogue.ts';
import type { TopicAdmin } from '../created/topic-admin.ts';
import type { TopicPartition } from '../port.ts';
import type { CatalogueFile } from './catalogue-file.ts';
import type { LocalCoordinator } from './coordinator.ts';
import { parsePartitionFolder, parseSegmentName, partitionFolder } from './names.ts';
import type { TopicOptions } from './queue.ts';

const SEGMENTS_PER_PARTITION = 8;
const LEAST_SEGMENT_BYTES = 1024 * 1024;

/** As the log needs it; undefined where there is none of that name, or none any more. */
export function createdTopicOptions({ topics }: change.Catalogue, name: string): TopicOptions | undefined {
  const topic = topics[name];
  if (topic === undefined || topic.isDeleting) return undefined;
  const { partitions, retention, requiredGroups } = topic;
  // Retention removes whole segments, so that a small topic needs small ones.
  const share = Math.floor(retention.maxBytes / partitions / SEGMENTS_PER_PARTITION);
  const segmentBytes = Math.min(QUEUE_LIMITS.segmentBytes, Math.max(LEAST_SEGMENT_BYTES, share));
  return { partitions, retention, requiredGroups, segmentBytes, compression: 'none' };
}

export interface LocalTopicsOptions {
  readonly directory: string;
  readonly disk: Disk;
  readonly file: CatalogueFile;
  readonly coordinator: LocalCoordinator;
  readonly log: Logger;
  readonly clock?: Clock;
}

export class LocalTopics implements TopicAdmin {
  readonly #options: LocalTopicsOptions;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();

  private constructor(options: LocalTopicsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Before anybody writes. */
  static async open(options: LocalTopicsOptions): Promise<LocalTopics> {
    const topics = new LocalTopics(options);
    const known = Object.entries(topics.catalogue.topics);
    for (const [name, { isDeleting }] of known) if (isDeleting) await topics.endDeletion(name);
    const living = known.filter(([, { isDeleting }]) => !isDeleting);
    await options.coordinator.raisePartitions(
      Object.fromEntries(living.map(([name, { partitions }]) => [name, partitions])),
    );
    for (const [name, { partitions }] of living) await topics.#assignAdded(name, partitions);
    return topics;
  }

  get catalogue(): change.Catalogue {
    return this.#options.file.state;
  }

  async refresh(): Promise<void> {}

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async createTopic(name: string, settings: change.TopicSettings): Promise<void> {
    await this.#options.file.change((state) => change.addTopic(state, name, settings, this.#clock.now()));
    // Also where it was there: a crash or a full disk may have come between.
    await this.#options.coordinator.raisePartitions({ [name]: settings.partitions });
    this.#tell();
  }

  async changeTopic(name: string, wanted: Parameters<TopicAdmin['changeTopic']>[1]): Promise<void> {
    const changed = await this.#options.file.change((state) => change.changeTopic(state, name, wanted));
    const { partitions } = wanted;
    // Before anybody hears of them; and also where the catalogue had them, since a crash may have come between.
    if (partitions !== undefined) {
      await this.#options.coordinator.raisePartitions({ [name]: partitions });
      await this.#assignAdded(name, partitions);
    }
    if (changed) this.#tell();
  }

  async beginDeletion(name: string): Promise<void> {
    await this.#change((state) => change.beginDeletion(state, name));
  }

  async endDeletion(name: string): Promise<void> {
    const { file, coordinator, disk, directory, log } = this.#options;
    if (file.state.topics[name]?.isDeleting !== true) return;
    const newest = Math.max(coordinator.newestOf(name), await this.#newestEpoch(name));
    await file.change((state) => raiseFloor(state, newest));
    for (const partition of await this.#partitions(name)) {
      const folder = partitionFolder(directory, { topic: name, partition });
      for (const entry of await listOrNone(disk, folder)) await removeIfThere(disk, join(folder, entry));
      await disk.syncDirectory(folder);
    }
    await coordinator.removeTopic(name);
    await this.#change((state) => change.endDeletion(state, name));
    log.info({ topic: name }, 'a topic was deleted');
  }

  async addGroup(group: string, topics: readonly string[]): Promise<void> {
    await this.#change((state) => change.addGroup(state, group, topics));
  }

  async removeGroup(group: string): Promise<void> {
    const { file, coordinator } = this.#options;
    // Asked before anything is done.
    change.removeGroup(change.copyCatalogue(file.state), group);
    const newest = coordinator.newestOfGroup(group);
    await file.change((state) => raiseFloor(state, newest));
    await coordinator.removeGroup(group);
    await this.#change((state) => state.groups[group] !== undefined && change.removeGroup(state, group));
  }

  async resetOffset(group: string, at: TopicPartition, position: number): Promise<void> {
    const { partitions } = change.livingTopic(this.catalogue.topics, at.topic);
    if (at.partition >= partitions) throw new SpillwayError('NOT_FOUND', `There are ${partitions} partitions.`);
    await this.addGroup(group, [at.topic]);
    await this.#options.coordinator.setPosition(group, { topic: at.topic, partition: at.partition }, position);
  }

  /** Waits for what was asked before. */
  close(): Promise<void> {
    return this.#options.file.close();
  }

  /** Nothing in an added partition is to wait for what is in the others: which key is where, is the users' affair. */
  async #assignAdded(name: string, partitions: number): Promise<void> {
    await this.#options.coordinator.registerBarrier(
      name,
      Array.from({ length: partitions }, () => 0),
    );
  }

  async #change(apply: (state: change.Catalogue) => boolean): Promise<void> {
    if (await this.#options.file.change(apply)) this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  async #partitions(name: string): Promise<number[]> {
    const names = await listOrNone(this.#options.disk, join(this.#options.directory, name));
    return names.flatMap((entry) => parsePartitionFolder(entry) ?? []);
  }

  /** Where the coordinator's file was lost, the folders still know. */
  async #newestEpoch(name: string): Promise<number> {
    let newest = 0;
    for (const partition of await this.#partitions(name)) {
      const folder = partitionFolder(this.#options.directory, { topic: name, partition });
      for (const entry of await listOrNone(this.#options.disk, folder)) {
        newest = Math.max(newest, parseSegmentName(entry)?.epoch ?? 0);
      }
    }
    return newest;
  }
}

function raiseFloor(state: change.Catalogue, newest: number): boolean {
  if (newest <= state.floor) return false;
  state.floor = newest;
  return true;
}
