/**
 * The supervisor's side of the embedded queue: it answers the roles' questions, knows every partition's mark, and which
 * role each member of a group belongs to.
 */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { TOPICS } from '../event/topics.ts';
import { nodeDisk } from '../lib/disk.ts';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { GROUP_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { Catalogue } from '../queue/created/catalogue.ts';
import { ownerOf } from '../queue/created/owned-names.ts';
import { handleCall } from '../queue/created/topic-admin.ts';
import type { GroupState, TopicLayout, TopicState } from '../queue/port.ts';
import { CatalogueFile } from '../queue/segment-log/catalogue-file.ts';
import { LocalCoordinator } from '../queue/segment-log/coordinator.ts';
import { createdTopicOptions, LocalTopics } from '../queue/segment-log/local-topics.ts';
import { type Mark, MarkBoard } from '../queue/segment-log/marks.ts';
import { openSegmentLog, type SegmentLogQueue } from '../queue/segment-log/queue.ts';
import { groupStates, topicStates } from '../queue/segment-log/state.ts';
import { assertFolderSite, bindToSite } from './folder-site.ts';
import type { RoleName } from './messages.ts';
import { assertNotKafka } from './queue-binding.ts';
import type { CoordinatorListeners, Handled, QueueCoordinator } from './queue-coordinator.ts';
import { raiseTogether, topicsOf } from './topics.ts';

interface Parts {
  readonly coordinator: LocalCoordinator;
  readonly board: MarkBoard;
  readonly queue: SegmentLogQueue;
  readonly topics: LocalTopics;
  readonly log: Logger;
}

interface Member {
  readonly role: RoleName;
  readonly group: string;
  readonly member: string;
}

export class CoordinatorServer implements QueueCoordinator {
  readonly #coordinator: LocalCoordinator;
  readonly #board: MarkBoard;
  readonly #queue: SegmentLogQueue;
  readonly #topics: LocalTopics;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #members: Member[] = [];
  /** How many processes of each role have ended: a member may join for one that ends meanwhile. */
  readonly #ended: Partial<Record<RoleName, number>> = {};

  private constructor({ coordinator, board, queue, topics, log }: Parts) {
    this.#coordinator = coordinator;
    this.#board = board;
    this.#queue = queue;
    this.#topics = topics;
    this.#log = log;
    this.#timer = setInterval(() => this.#inBackground(coordinator.tick()), GROUP_LIMITS.tickMs);
  }

  static async open(config: Config, log: Logger): Promise<CoordinatorServer> {
    await assertNotKafka(config);
    await assertFolderSite(config);
    const directory = join(config.data, 'queue');
    const disk = nodeDisk;
    const file = await CatalogueFile.open(disk, directory);
    const coordinator = await LocalCoordinator.open({ directory, disk, log, floor: () => file.state.floor });
    const board = new MarkBoard();
    const created = (topic: string) => createdTopicOptions(file.state, topic);
    const queue = openSegmentLog({ directory, topics: topicsOf(config), created, coordinator, marks: board, log });
    await queue.prepare();
    await bindToSite(config);
    await raiseTogether(coordinator, queue.partitionCount(TOPICS.raw));
    const topics = await LocalTopics.open({ directory, disk, file, coordinator, log });
    return new CoordinatorServer({ coordinator, board, queue, topics, log });
  }

  listen(listeners: CoordinatorListeners): void {
    this.#coordinator.onLayout(() => listeners.onLayouts(this.layouts()));
    this.#topics.onChange(() => listeners.onCatalogue(this.catalogue()));
    this.#coordinator.onNews((group, member) => {
      const known = this.#members.find((one) => one.group === group && one.member === member);
      if (known !== undefined) listeners.onNews(known.role, group, member);
    });
  }

  layouts(): Readonly<Record<string, TopicLayout>> {
    return this.#coordinator.layouts();
  }

  catalogue(): Catalogue {
    return this.#topics.catalogue;
  }

  marks(): readonly Mark[] {
    return this.#board.all();
  }

  setMarks(marks: readonly Mark[]): void {
    for (const mark of marks) if (this.#isKnown(mark)) this.#board.set(mark);
  }

  /** Its process is gone: what its members had is free at once, without waiting for their sessions to end. */
  roleEnded(role: RoleName): void {
    this.#ended[role] = (this.#ended[role] ?? 0) + 1;
    const gone = this.#members.filter((known) => known.role === role);
    this.#members = this.#members.filter((known) => known.role !== role);
    for (const { group, member } of gone) this.#inBackground(this.#coordinator.leave(group, member));
  }

  #isKnown({ topic }: Mark): boolean {
    return ownerOf(topic) === undefined || this.catalogue().topics[topic] !== undefined;
  }

  async handle(from: RoleName, request: Handled): Promise<unknown> {
    switch (request.do) {
      case 'epoch':
        return this.#coordinator.nextEpoch(request);
      case 'raise':
        await this.#coordinator.raisePartitions(request.counts);
        return null;
      case 'barrier':
        await this.#coordinator.registerBarrier(request.topic, request.ends);
        return null;
      case 'join':
        return this.#join(from, request.group, request.topics);
      case 'heartbeat':
        return this.#coordinator.heartbeat(request.group, request.member);
      case 'release':
        await this.#coordinator.release(request.group, request, request.generation);
        return null;
      case 'leave':
        this.#members = this.#members.filter(({ member }) => member !== request.member);
        await this.#coordinator.leave(request.group, request.member);
        return null;
      case 'committed':
        return (await this.#coordinator.committed(request.group, request)) ?? null;
      case 'commit':
        await this.#coordinator.commit(request.group, request, request.generation, request.offset);
        return null;
      case 'topics':
        return this.topics(request.only);
      case 'groups':
        return this.groups();
      case 'addPartitions':
        return this.#addPartitions(request.partitions);
      case 'topicAdmin': {
        const answer = await handleCall(this.#topics, request.asked);
        if (request.asked.call === 'endDeletion') this.#board.forget(request.asked.name);
        return answer;
      }
    }
  }

  topics(only?: string): readonly TopicState[] {
    return topicStates(this.#board.all().filter(({ topic }) => only === undefined || topic === only));
  }

  groups(): Promise<readonly GroupState[]> {
    return groupStates({
      queue: this.#queue,
      positions: this.#coordinator.positions(),
      endOffset: (at) => this.#board.get(at)?.endOffset,
      nowMs: Date.now(),
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#queue.close();
    await this.#topics.close();
    await this.#coordinator.close();
  }

  /** To `raw` and `events` together: partition p of `events` is made of partition p of `raw`. */
  async #addPartitions(partitions: number): Promise<number> {
    const known = this.#queue.partitionCount(TOPICS.raw);
    if (partitions < known) {
      throw new SpillwayError('BAD_REQUEST', `There are ${known} partitions already, and none is ever removed.`);
    }
    await raiseTogether(this.#coordinator, partitions);
    if (partitions > known) this.#log.info({ from: known, to: partitions }, 'partitions were added');
    return this.#queue.partitionCount(TOPICS.raw);
  }

  async #join(role: RoleName, group: string, topics: readonly string[]): Promise<string> {
    const ended = this.#ended[role];
    const member = await this.#coordinator.join(group, topics);
    if (ended === this.#ended[role]) this.#members.push({ role, group, member });
    else await this.#coordinator.leave(group, member);
    return member;
  }

  #inBackground(work: Promise<void>): void {
    work.catch((thrown: unknown) => this.#log.error({ reason: messageOf(thrown) }, 'a group could not be rebalanced'));
  }
}
