/** The supervisor's side of the embedded queue: it answers the roles' questions and knows every partition's mark. */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { nodeDisk } from '../lib/disk.ts';
import type { Logger } from '../lib/log.ts';
import type { GroupState, TopicState } from '../queue/port.ts';
import { type CommittedOffset, LocalCoordinator } from '../queue/segment-log/coordinator.ts';
import { type Mark, MarkBoard } from '../queue/segment-log/marks.ts';
import { openSegmentLog, type SegmentLogQueue } from '../queue/segment-log/queue.ts';
import { groupStates, topicStates } from '../queue/segment-log/state.ts';
import type { CoordinatorRequest } from './messages.ts';
import { topicsOf } from './topics.ts';

type Handled = Exclude<CoordinatorRequest, { do: 'ledger' | 'metrics' | 'roles' }>;

export class CoordinatorServer {
  readonly #coordinator: LocalCoordinator;
  readonly #board: MarkBoard;
  readonly #queue: SegmentLogQueue;

  private constructor(coordinator: LocalCoordinator, board: MarkBoard, queue: SegmentLogQueue) {
    this.#coordinator = coordinator;
    this.#board = board;
    this.#queue = queue;
  }

  static async open(config: Config, log: Logger): Promise<CoordinatorServer> {
    const directory = join(config.data, 'queue');
    const coordinator = await LocalCoordinator.open({ directory, disk: nodeDisk, log });
    const marks = new MarkBoard();
    const queue = openSegmentLog({ directory, topics: topicsOf(config), coordinator, marks, log });
    await queue.prepare();
    return new CoordinatorServer(coordinator, marks, queue);
  }

  marks(): readonly Mark[] {
    return this.#board.all();
  }

  setMarks(marks: readonly Mark[]): void {
    for (const mark of marks) this.#board.set(mark);
  }

  async handle(request: Handled): Promise<unknown> {
    switch (request.do) {
      case 'epoch':
        return this.#coordinator.nextEpoch(request);
      case 'join':
        return this.#coordinator.joinGroup(request.group);
      case 'committed':
        return (await this.#coordinator.committed(request.group, request)) ?? null;
      case 'commit':
        await this.#coordinator.commit(request.group, request.generation, request, request.offset);
        return null;
      case 'topics':
        return this.topics();
      case 'groups':
        return this.groups();
    }
  }

  topics(): readonly TopicState[] {
    return topicStates(this.#board.all());
  }

  groups(): Promise<readonly GroupState[]> {
    return groupStates({
      queue: this.#queue,
      offsets: this.#coordinator.offsets().sort(byPartition),
      endOffset: (at) => this.#board.get(at)?.endOffset,
      nowMs: Date.now(),
    });
  }

  async close(): Promise<void> {
    await this.#queue.close();
    await this.#coordinator.close();
  }
}

function byPartition(a: CommittedOffset, b: CommittedOffset): number {
  return a.topic.localeCompare(b.topic) || a.partition - b.partition;
}
