/** The members of groups that a process has, and when they may begin with what they are assigned. */
import type { LastingTrouble } from '../../lib/lasting-trouble.ts';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import type { JoinOptions, TopicPartition } from '../port.ts';
import { countAssignable } from './assignable.ts';
import type { Cluster } from './cluster.ts';
import { KafkaGroupMember } from './group-member.ts';
import { MemberNote } from './member-note.ts';
import type { KafkaQueueOptions } from './queue-options.ts';
import type { QueueRecord } from './queue-record.ts';

export interface QueueMembersOptions extends Pick<KafkaQueueOptions, 'log' | 'notes' | 'heartbeatMs' | 'sessionMs'> {
  readonly cluster: Cluster;
  readonly record: QueueRecord;
  readonly trouble: LastingTrouble;
  /** Kafka's name of a topic or group. */
  readonly nameOf: (name: string) => string;
  /** Looks for partitions that somebody has added. */
  readonly refreshLayouts: () => Promise<void>;
}

export class QueueMembers {
  readonly #options: QueueMembersOptions;
  readonly #members = new Set<KafkaGroupMember>();

  constructor(options: QueueMembersOptions) {
    this.#options = options;
  }

  async join(group: string, options: JoinOptions): Promise<KafkaGroupMember> {
    const { cluster, log, trouble, nameOf, notes } = this.#options;
    const { heartbeatMs = KAFKA_LIMITS.heartbeatMs, sessionMs = KAFKA_LIMITS.sessionMs } = this.#options;
    const member = await KafkaGroupMember.join({
      ...options,
      group,
      groupId: nameOf(group),
      cluster,
      log,
      trouble,
      heartbeatMs,
      sessionMs,
      nameOf,
      mayBegin: (at) => this.#mayBegin(group, at),
      onLeft: (left) => void this.#members.delete(left),
      // One of many does not come after another one.
      note: notes === undefined || options.isPatient === true ? undefined : new MemberNote(notes, group, log),
    });
    this.#members.add(member);
    return member;
  }

  async leave(): Promise<void> {
    await Promise.allSettled([...this.#members].map((member) => member.leave()));
  }

  async #mayBegin(group: string, at: TopicPartition): Promise<boolean> {
    const { cluster, record, nameOf, refreshLayouts } = this.#options;
    const known = record.topic(at.topic);
    // The broker may assign a partition before it is noted here that it was added.
    const isKnown = known !== undefined && at.partition < known.partitions;
    if (isKnown && known.additions.length === 0) return true;
    // Barriers come after partitions, so an older state holds back too much and never too little.
    await refreshLayouts();
    const topic = record.topic(at.topic);
    if (topic === undefined) return true;
    if (at.partition >= topic.partitions) return false;
    return at.partition < (await countAssignable(cluster, nameOf(group), nameOf(at.topic), topic));
  }
}
