/** What a role needs of the queue, whichever engine it is. */
import type { TopicAdmin } from '../queue/created/topic-admin.ts';
import type { Appended, Queue, TopicPartition } from '../queue/port.ts';

/** Where a partition ended, and when that was so (epoch ms). */
export interface RawEnd {
  readonly endOffset: number;
  readonly atMs: number;
}

export interface RoleQueue {
  readonly queue: Queue;
  readonly topicAdmin: TopicAdmin;
  /** What the group has durably committed. */
  committed(group: string, at: TopicPartition): Promise<number | undefined>;
  /** As last heard, of `raw`. */
  rawEnd(partition: number): RawEnd | undefined;
  /** Of an earlier append that was kept on this machine first: it has its offsets now. */
  onDrained?(listener: (at: TopicPartition, batch: Buffer, appended: Appended) => void): void;
  /** Throws CONFIG_INVALID where another store has joined meanwhile that this one cannot share the events with. */
  mayStore?(): Promise<void>;
  /** What it cannot do now, for people; empty where all is well. */
  troubles?(): readonly string[];
  close(): Promise<void>;
}
