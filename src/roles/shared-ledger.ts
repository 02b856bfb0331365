/**
 * The ledger where several process trees share the queue: each role reports what it has done to a topic, and collectors,
 * whose front door is asked, follow the account of all. Nothing of it is kept in the data folder.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { TOPICS } from '../event/topics.ts';
import { messageOf } from '../lib/errors.ts';
import { LEDGER_LIMITS } from '../lib/limits.ts';
import { COUNTINGS, type CountingKind, nameOfCounted } from '../monitor/ledger/counted-logs.ts';
import { everyMs, LedgerFollower } from '../monitor/ledger/follower.ts';
import type { LedgerRow } from '../monitor/ledger/ledger.ts';
import type { LedgerTopic, LogEnds } from '../monitor/ledger/ledger-topic.ts';
import { Reporter } from '../monitor/ledger/reporter.ts';
import type { Appended, TopicPartition } from '../queue/port.ts';
import type { RoleName } from './messages.ts';
import type { RoleContext } from './role-context.ts';
import { type RoleLedger, sayChanges } from './role-ledger.ts';

const REPORTS: Record<RoleName, CountingKind> = { collector: 'accepted', processor: 'processed', store: 'written' };

export class SharedLedger implements RoleLedger {
  readonly #context: RoleContext;
  readonly #kind: CountingKind;
  readonly #reporter: Reporter;
  readonly #follower: LedgerFollower | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isTicking = false;
  #isStopped = false;
  #ticking: Promise<void> = Promise.resolve();
  #trouble: string | undefined;

  constructor(context: RoleContext, topic: LedgerTopic & LogEnds) {
    const { queue, clock, log, link } = context;
    this.#context = context;
    this.#kind = REPORTS[context.role];
    this.#reporter = new Reporter(topic, clock, log);
    if (context.role !== 'collector') return;
    this.#follower = new LedgerFollower({
      ...{ topic, reporter: this.#reporter, clock, log },
      partitions: () => queue.partitionCount(TOPICS.raw),
      openReader: (at) => queue.openReader(at),
      logs: topic,
      onChange: ({ known, ...changes }) => sayChanges(link, changes, known),
    });
  }

  /** Whatever nobody has reported is counted by whoever follows the account. */
  follow(): void {}

  poll(): void {}

  add(at: TopicPartition, { baseOffset, nextOffset }: Appended, rows: readonly LedgerRow[]): void {
    const { topic } = COUNTINGS[this.#kind];
    if (at.topic !== topic) return;
    const log = nameOfCounted({ kind: this.#kind, partition: at.partition });
    this.#reporter.outbox.add(log, baseOffset, nextOffset, rows);
  }

  async start(): Promise<void> {
    const { link } = this.#context;
    // Until the account was read, nobody is told that there is nothing.
    if (this.#follower !== undefined) sayChanges(link, { reset: true, rows: [] }, { asOfMs: 0, missing: [] });
    const { there } = this.#context;
    if (there !== undefined) {
      // Nobody uses a queue that is away; what is kept for it has no offsets yet.
      void there.then(() => this.#begin());
      return;
    }
    this.#begin();
    await Promise.race([this.#ticking, delay(LEDGER_LIMITS.firstReadMs, undefined, { ref: false })]);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#reporter.close();
    // A queue that is away is not waited for.
    if (!this.#isTicking) await this.#follower?.close();
  }

  #begin(): void {
    if (this.#isStopped) return;
    this.#timer = setInterval(() => this.#tick(), LEDGER_LIMITS.checkpointMs);
    this.#tick();
  }

  #tick(): void {
    if (this.#isTicking) return;
    this.#isTicking = true;
    this.#ticking = this.#once().finally(() => {
      this.#isTicking = false;
    });
  }

  async #once(): Promise<void> {
    try {
      const { queue } = this.#context;
      const ms = everyMs(queue.partitionCount(TOPICS.raw));
      if (this.#follower === undefined) await this.#reporter.publishAfter(ms);
      else await this.#follower.follow();
      if (this.#trouble !== undefined) this.#context.log.info('the ledger of all process trees is followed again');
      this.#trouble = undefined;
    } catch (thrown) {
      if (this.#isStopped) return;
      const reason = messageOf(thrown);
      // Once, and not every second.
      if (this.#trouble !== reason) this.#context.log.warn({ reason }, 'the ledger of all process trees stands still');
      this.#trouble = reason;
    }
  }
}
