/** All consumers of this collector: found by tenant, group and id, bounded, and gone when they were silent. */
import { randomBytes } from 'node:crypto';
import { messageOf, SpillwayError } from '../../../lib/errors.ts';
import { TOPIC_LIMITS } from '../../../lib/limits.ts';
import type { Logger } from '../../../lib/log.ts';
import { owned, type UserTopics } from '../user-topics.ts';
import { Consumer } from './consumer.ts';
import type { StartAt } from './held-partition.ts';

const ID_BYTES = 12;

export interface JoinRequest {
  readonly tenant: string;
  readonly group: string;
  /** As their tenant calls them. */
  readonly topics: readonly string[];
  readonly sessionMs: number;
  readonly start: StartAt;
}

export class Consumers {
  readonly #topics: UserTopics;
  readonly #log: Logger;
  readonly #members = new Map<string, Consumer>();
  readonly #timer: NodeJS.Timeout;
  #sweptMs = performance.now();
  /** Joins under way count as members. */
  readonly #joining = new Map<string, number>();

  constructor(topics: UserTopics, log: Logger) {
    this.#topics = topics;
    this.#log = log;
    this.#timer = setInterval(() => this.#sweep(), TOPIC_LIMITS.sweepMs);
    this.#timer.unref();
  }

  /** Throws NOT_FOUND, LIMIT_REACHED, TOO_MANY_REQUESTS. */
  async join({ tenant, group, topics, sessionMs, start }: JoinRequest): Promise<Consumer> {
    this.#assertRoom(tenant);
    this.#countJoining(tenant, 1);
    try {
      const names = topics.map((topic) => owned(tenant, topic));
      for (const name of names) await this.#topics.topic(name);
      const groupName = owned(tenant, group);
      await this.#topics.admin.addGroup(groupName, names);
      const { queue } = this.#topics;
      const id = `${group}-${randomBytes(ID_BYTES).toString('base64url')}`.slice(-64);
      const consumer = new Consumer({
        ...{ id, tenant, group, sessionMs, start, log: this.#log },
        openReader: async (at) => {
          // Its end is known when somebody writes it.
          await this.#topics.open(at);
          return queue.openReader(at);
        },
      });
      const { onAssigned } = consumer;
      consumer.joined(await queue.joinGroup(groupName, { topics: names, onAssigned, isPatient: true }));
      this.#members.set(id, consumer);
      return consumer;
    } finally {
      this.#countJoining(tenant, -1);
    }
  }

  /** Throws MEMBER_UNKNOWN. */
  find(tenant: string, group: string, id: string): Consumer {
    const found = this.#members.get(id);
    if (found !== undefined && found.options.tenant === tenant && found.options.group === group) return found;
    throw new SpillwayError(
      'MEMBER_UNKNOWN',
      `The group ${group} has no member ${id} here: it was silent for too long, has left, or this collector has started again. Join again.`,
      { details: { group, member: id } },
    );
  }

  async leave(consumer: Consumer): Promise<void> {
    this.#members.delete(consumer.options.id);
    await consumer.leave();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.allSettled([...this.#members.values()].map((consumer) => this.leave(consumer)));
  }

  #sweep(): void {
    const nowMs = performance.now();
    // Where this process was itself asleep, nobody has been silent for so long.
    const elapsedMs = Math.min(2 * TOPIC_LIMITS.sweepMs, nowMs - this.#sweptMs);
    this.#sweptMs = nowMs;
    for (const consumer of this.#members.values()) {
      if (!consumer.pass(elapsedMs)) continue;
      const { tenant, group, id: member } = consumer.options;
      this.#log.warn(
        { tenant, group, member },
        'a consumer was silent for longer than its session: its partitions move',
      );
      this.leave(consumer).catch((thrown: unknown) => {
        this.#log.warn({ tenant, group, member, reason: messageOf(thrown) }, 'a consumer could not leave in order');
      });
    }
  }

  #assertRoom(tenant: string): void {
    const joining = [...this.#joining.values()].reduce((sum, count) => sum + count, 0);
    const own = [...this.#members.values()].filter((consumer) => consumer.options.tenant === tenant).length;
    const { members, membersPerTenant, retryS } = TOPIC_LIMITS;
    const isFull = this.#members.size + joining >= members;
    if (!isFull && own + (this.#joining.get(tenant) ?? 0) < membersPerTenant) return;
    throw new SpillwayError(
      'TOO_MANY_REQUESTS',
      isFull ? `There are ${members} consumers already.` : `This tenant has ${membersPerTenant} consumers already.`,
      { retryAfterS: retryS, details: { limit: isFull ? members : membersPerTenant } },
    );
  }

  #countJoining(tenant: string, change: number): void {
    const count = (this.#joining.get(tenant) ?? 0) + change;
    if (count === 0) this.#joining.delete(tenant);
    else this.#joining.set(tenant, count);
  }
}
