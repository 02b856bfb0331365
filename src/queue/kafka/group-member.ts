/**
 * A member of a consumer group of Kafka's new kind (KIP-848): the broker assigns, and moves a partition only after its
 * holder has said that it does not have it any more, which is what the port asks for. A member says by heartbeats what
 * it has; the answer says what it is to have.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { consumerGroupHeartbeatV1 } from '@platformatic/kafka';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import type { LastingTrouble } from '../../lib/lasting-trouble.ts';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { Assignment } from '../assignment.ts';
import { isFenced } from '../is-fenced.ts';
import { LastAnswer } from '../last-answer.ts';
import { placeOf } from '../place.ts';
import { type GroupMember, type JoinOptions, type Offset, offset, type TopicPartition } from '../port.ts';
import { brokerErrorOf } from './broker-errors.ts';
import type { Cluster } from './cluster.ts';
import { committedOffset } from './group-offsets.ts';
import type { MemberNote } from './member-note.ts';
import { groupDescribe, groupHeartbeat, offsetCommit } from './protocol.ts';

export interface MemberOptions extends JoinOptions {
  /** As the port calls it, and as Kafka does. */
  readonly group: string;
  readonly groupId: string;
  readonly cluster: Cluster;
  readonly log: Logger;
  readonly trouble: Pick<LastingTrouble, 'failed' | 'passed' | 'forget'>;
  readonly heartbeatMs: number;
  /** After so long without an answer somebody else may have what this member has. */
  readonly sessionMs: number;
  /** Kafka's name of a topic. */
  readonly nameOf: (topic: string) => string;
  /** Whether sources that moved to this partition have been read to where they moved: before that nobody has it. */
  readonly mayBegin: (at: TopicPartition) => Promise<boolean>;
  readonly onLeft: (member: KafkaGroupMember) => void;
  /** Where the member's id is noted for the process that may come after a crash. */
  readonly note?: MemberNote | undefined;
}

type ConsumerGroupHeartbeatResponse = ReturnType<typeof consumerGroupHeartbeatV1.parseResponse>;

const JOIN = 0;
const LEAVE = -1;
const COMMIT_ATTEMPTS = 5;

export class KafkaGroupMember implements GroupMember {
  readonly group: string;
  readonly #options: MemberOptions;
  #timer: NodeJS.Timeout | undefined;
  /** What the broker has been told, or is about to be told, that this member has. */
  readonly #owned = new Map<string, TopicPartition>();
  readonly #held = new Map<string, Assignment>();
  readonly #lastAnswer = new LastAnswer();
  #id: string = randomUUID();
  #epoch = JOIN;
  #hasLeft = false;
  /** It was fenced, and may not have left. */
  #behind: string | undefined;
  #refreshing: Promise<void> | undefined;
  #again = false;

  private constructor(options: MemberOptions) {
    this.group = options.group;
    this.#options = options;
  }

  /** Resolves when it has been assigned what was free. */
  static async join(options: MemberOptions): Promise<KafkaGroupMember> {
    const member = new KafkaGroupMember(options);
    await member.#succeed();
    try {
      await member.#settle();
    } catch (thrown) {
      // Brokers may have heard of it; where this does not reach them, whoever joins by the same note says it.
      member.#hasLeft = true;
      member.#loseAll();
      await member.#say(LEAVE, 0).catch(() => {});
      throw thrown;
    }
    member.#timer = setInterval(() => void member.refresh(), options.heartbeatMs);
    member.#timer.unref();
    return member;
  }

  /** Resolves when it has the partitions that it is to have, as far as it can be waited for. */
  async #settle(): Promise<void> {
    await this.#beat();
    const untilMs = performance.now() + KAFKA_LIMITS.answerMs;
    while (performance.now() < untilMs && !(await this.#isSettled())) {
      await delay(KAFKA_LIMITS.retryDelayMs);
      await this.#beat();
    }
    await this.#beat();
  }

  get id(): string {
    return this.#id;
  }

  async committed(at: TopicPartition): Promise<Offset | undefined> {
    const position = await this.#committed(at);
    return position === undefined ? undefined : offset(position);
  }

  async leave(): Promise<void> {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    clearInterval(this.#timer);
    await this.#refreshing;
    this.#loseAll();
    this.#options.trouble.forget(this);
    this.#options.onLeft(this);
    try {
      await this.#say(LEAVE, 0);
    } catch (thrown) {
      if (!isFenced(thrown)) {
        // The broker finds out by its silence, or by the process that comes next.
        const { log } = this.#options;
        log.warn({ group: this.group, reason: messageOf(thrown) }, 'a member could not say that it leaves');
        return;
      }
    }
    // A member that it has left behind is for whoever comes next, as it was.
    if (this.#behind === undefined) await this.#options.note?.remove();
  }

  /** Says what it has and takes what it is to have. Never throws. */
  refresh(): Promise<void> {
    if (this.#hasLeft) return this.#refreshing ?? Promise.resolve();
    this.#again = true;
    this.#refreshing ??= this.#refreshOn();
    return this.#refreshing;
  }

  async #refreshOn(): Promise<void> {
    while (this.#again && !this.#hasLeft) {
      this.#again = false;
      try {
        await this.#beat();
        this.#options.trouble.passed(this);
      } catch (thrown) {
        this.#options.trouble.failed(this, `being a member of group ${this.group}`, messageOf(thrown));
        // However long this lasts it stays this member: brokers that are away give what it has to nobody, and those that
        // cannot be reached from here alone say so when they can. Meanwhile its commits are refused where somebody else has
        // a partition, whoever took over has fenced its writers, which it takes over again only when it was confirmed, and
        // events are inserted under ids of their own.
      }
    }
    // In the same moment in which nobody looks any more whether it is to ask again.
    this.#refreshing = undefined;
  }

  async #beat(): Promise<void> {
    const { log } = this.#options;
    await this.#leaveBehind();
    const askedMs = performance.now();
    let answer: ConsumerGroupHeartbeatResponse;
    try {
      answer = await this.#say(this.#epoch, KAFKA_LIMITS.answerMs);
    } catch (thrown) {
      if (!isFenced(thrown) || this.#hasLeft) throw thrown;
      log.warn({ group: this.group, member: this.#id }, 'this member was taken for dead; it joins again');
      this.#beginAgain();
      this.#lastAnswer.answered(askedMs);
      this.#again = true;
      return;
    }
    this.#epoch = answer.memberEpoch;
    if (answer.assignment !== null && !this.#hasLeft) {
      this.#take(answer.assignment.topicPartitions);
    }
    this.#lastAnswer.answered(askedMs);
    await this.#begin();
  }

  #take(assignment: readonly { readonly topicId: string; readonly partitions: readonly number[] }[]): void {
    const { topics, cluster, nameOf } = this.#options;
    const byId = new Map(topics.map((topic) => [cluster.knownIdOf(nameOf(topic)), topic]));
    const wanted = new Map<string, TopicPartition>();
    for (const { topicId, partitions } of assignment) {
      const topic = byId.get(topicId);
      if (topic === undefined) continue;
      for (const partition of partitions) wanted.set(placeOf({ topic, partition }), { topic, partition });
    }
    for (const key of this.#owned.keys()) {
      if (wanted.has(key)) continue;
      const held = this.#held.get(key);
      if (held === undefined) this.#giveUp(key);
      else held.revoke();
    }
    for (const [key, at] of wanted) {
      if (this.#owned.has(key)) continue;
      this.#owned.set(key, at);
      this.#again = true;
    }
  }

  /** Whether the broker has made up its mind about this member: it takes a second over it, to save moves. */
  async #isSettled(): Promise<boolean> {
    const { cluster, groupId, group } = this.#options;
    const doing = `joining group ${group}`;
    const { groups } = await cluster.askCoordinator('group', groupId, { doing }, groupDescribe, [groupId], false);
    const known = groups[0];
    return known !== undefined && known.groupEpoch === known.assignmentEpoch && known.groupEpoch === this.#epoch;
  }

  /** Tells the owner of what is its own now. */
  async #begin(): Promise<void> {
    for (const [key, at] of this.#owned) {
      if (this.#held.has(key) || !(await this.#options.mayBegin(at)) || this.#hasLeft || !this.#owned.has(key))
        continue;
      const assigned = new Assignment({
        at,
        group: this.group,
        generation: this.#epoch,
        committed: () => this.#committed(at),
        commit: (position) => {
          // The broker fences members; what a member has given up or lost is refused here.
          if (assigned.isLost || assigned.isReleased) throw givenUp(assigned);
          return this.#commit(at, position);
        },
        isUncertain: () => this.#lastAnswer.silentForMs > this.#options.sessionMs,
        // The next heartbeat asks.
        confirmed: (signal) => this.#lastAnswer.next(signal),
        onRelease: () => {
          if (this.#held.get(key) !== assigned) return Promise.resolve();
          this.#held.delete(key);
          this.#giveUp(key);
          return this.refresh();
        },
      });
      this.#held.set(key, assigned);
      this.#options.onAssigned(assigned);
    }
  }

  #giveUp(key: string): void {
    this.#owned.delete(key);
    this.#again = true;
  }

  /** As another member: whatever it had may be somebody else's. */
  #beginAgain(): void {
    this.#loseAll();
    this.#behind = this.#id;
    this.#id = randomUUID();
    this.#epoch = JOIN;
  }

  /** What the member of before has is free when brokers hear that it leaves, and else only when they have missed it. */
  async #leaveBehind(): Promise<void> {
    if (this.#behind === undefined) return;
    await this.#say(LEAVE, KAFKA_LIMITS.answerMs, this.#behind).catch((thrown: unknown) => {
      if (!isFenced(thrown)) throw thrown;
    });
    await this.#options.note?.write(this.#id);
    this.#behind = undefined;
  }

  #loseAll(): void {
    for (const assigned of this.#held.values()) assigned.lose();
    this.#held.clear();
    this.#owned.clear();
  }

  /** Says that the member of the process before has left, which could not say so itself. */
  async #succeed(): Promise<void> {
    const { note, log, group } = this.#options;
    const before = await note?.read();
    if (before !== undefined) {
      await this.#say(LEAVE, 0, before).catch((thrown: unknown) => {
        if (isFenced(thrown)) log.debug({ group, member: before }, 'the member of the process before has gone already');
        else {
          log.warn({ group, member: before, reason: messageOf(thrown) }, 'the member of before was not told to leave');
          this.#behind = before;
        }
      });
    }
    // One that could not be told yet is told before this one joins, which notes this one then.
    if (this.#behind === undefined) await note?.write(this.#id);
  }

  #say(epoch: number, forMs: number, id = this.#id): Promise<ConsumerGroupHeartbeatResponse> {
    const { cluster, groupId, group, topics, nameOf } = this.#options;
    const byTopic = Map.groupBy(this.#owned.values(), ({ topic }) => topic);
    const owned = [...byTopic].flatMap(([topic, parts]) => {
      // It was known when it was assigned: a broker that does not know the topic for the moment takes nothing away.
      const topicId = cluster.knownIdOf(nameOf(topic));
      return topicId === undefined ? [] : [{ topicId, partitions: parts.map(({ partition }) => partition) }];
    });
    return cluster.askCoordinator(
      'group',
      groupId,
      { doing: `being a member of group ${group}`, forMs },
      groupHeartbeat,
      groupId,
      id,
      epoch,
      null,
      null,
      epoch === LEAVE ? -1 : KAFKA_LIMITS.revokeTimeoutMs,
      epoch === LEAVE ? null : topics.map(nameOf),
      null,
      null,
      epoch === LEAVE ? null : owned,
    );
  }

  #committed({ topic, partition }: TopicPartition): Promise<number | undefined> {
    const { cluster, groupId, nameOf } = this.#options;
    return committedOffset(cluster, groupId, { topic: nameOf(topic), partition });
  }

  async #commit({ topic, partition }: TopicPartition, position: number): Promise<void> {
    const { cluster, groupId, nameOf, group } = this.#options;
    const partitions = [{ partitionIndex: partition, committedOffset: BigInt(position), committedLeaderEpoch: -1 }];
    const doing = `committing ${placeOf({ topic, partition })} in group ${group}`;
    const member = this.#id;
    for (let attempt = 1; ; attempt++) {
      try {
        await cluster.askCoordinator('group', groupId, { doing }, offsetCommit, groupId, this.#epoch, this.#id, null, [
          { name: nameOf(topic), partitions },
        ]);
        return;
      } catch (thrown) {
        // The broker has moved on to a newer epoch of this same member, which the next heartbeat brings.
        const isStale = brokerErrorOf(thrown) === 'STALE_MEMBER_EPOCH';
        if (!isStale || attempt === COMMIT_ATTEMPTS || this.#hasLeft) throw thrown;
        await this.refresh();
        // Brokers look at the member alone: as another one it could set back what the partition's new owner has committed.
        if (this.#id !== member) throw thrown;
      }
    }
  }
}

function givenUp(assigned: Assignment): SpillwayError {
  const { group, generation } = assigned;
  const partition = placeOf(assigned);
  return new SpillwayError(
    'QUEUE_FENCED',
    `Generation ${generation} of ${partition} in group '${group}' may not commit: it was given up or lost.`,
    { details: { group, partition, generation } },
  );
}
