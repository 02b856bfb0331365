/** What a role needs of the queue, whichever engine it is. */
import type { LedgerTopic, LogEnds } from '../monitor/ledger/ledger-topic.ts';
import type { TopicAdmin } from '../queue/created/topic-admin.ts';
import type { Appended, Queue, TopicPartition } from '../queue/port.ts';
import type { SpoolState } from '../queue/spool/spooling-queue.ts';
import type { EngineRecord } from '../search/indexing/engine-change.ts';

/** Where a partition ended, and when that was so (epoch ms). */
export interface RawEnd {
  readonly endOffset: number;
  readonly atMs: number;
}

export interface RoleQueue {
  readonly queue: Queue;
  /** Of a queue that was away when this process started: resolves when it is there. */
  readonly there?: Promise<void> | undefined;
  readonly topicAdmin: TopicAdmin;
  /**
   * A name of this queue, which nobody else's has: where several machines share it, the one that was proposed first.
   */
  nameOfQueue(proposed: string): Promise<string>;
  /**
   * Says what this store writes to. Throws CONFIG_INVALID where another store is at work that writes to something else:
   * each of them would have a part of the events.
   */
  claimIndex(index: string): Promise<void>;
  /** Where the queue is shared by several data folders: which search engine is in use, and where others were left. */
  readonly engineRecord?: EngineRecord;
  /** What the group has durably committed. */
  committed(group: string, at: TopicPartition): Promise<number | undefined>;
  /** Where several process trees share the queue: the topic in which they tell each other what they have counted of its logs. */
  readonly sharedLedger?: LedgerTopic & LogEnds;
  /** As last heard, of `raw`. */
  rawEnd(partition: number): RawEnd | undefined;
  /** Of an earlier append that was kept on this machine first: it has its offsets now. */
  onDrained?(listener: (at: TopicPartition, batch: Buffer, appended: Appended) => void): void;
  /** Of a collector: called once, when others have moved sources to added partitions without it. It has to begin again. */
  onOut?(listener: () => void): void;
  /** Resolves when nothing of an earlier start is kept here any more, or soon: what comes now would be later than that. */
  settled?(): Promise<void>;
  /** This process is about to end: a queue that is away is waited for so long yet, and no longer. Then `close()`. */
  endSoon?(): void;
  /** What it cannot do now, for people; empty where all is well. */
  troubles?(): readonly string[];
  /** What is kept on this machine because the queue is away; undefined where nothing is. */
  spooled?(): SpoolState | undefined;
  close(): Promise<void>;
}
