/**
 * Reports what a role has done to all process trees. It says only what is durable. What it cannot say, because the queue
 * does not take it or the process dies, is missing in the account for a moment, and then counted from the log by others.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import { LEDGER_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { PartitionWriter } from '../../queue/port.ts';
import { encodeRecords, type LedgerTopic } from './ledger-topic.ts';
import { ReportOutbox } from './outbox.ts';
import type { Report } from './report.ts';

export class Reporter {
  readonly outbox = new ReportOutbox();
  readonly #topic: LedgerTopic;
  readonly #clock: Clock;
  readonly #log: Logger;
  #writer: Promise<PartitionWriter> | undefined;
  #publishing: Promise<void> | undefined;
  #publishedMs = Number.NEGATIVE_INFINITY;

  constructor(topic: LedgerTopic, clock: Clock, log: Logger) {
    this.#topic = topic;
    this.#clock = clock;
    this.#log = log;
  }

  /** Publishes, but not sooner than so long after the last time: many partitions are many reports. */
  async publishAfter(ms: number): Promise<void> {
    if (performance.now() - this.#publishedMs >= ms) await this.publish();
  }

  /** What waits; resolves when it is durable, or given up. One at a time: what comes meanwhile waits for the next call. */
  publish(): Promise<void> {
    this.#publishedMs = performance.now();
    this.#publishing ??= this.send(this.outbox.take()).finally(() => {
      this.#publishing = undefined;
    });
    return this.#publishing;
  }

  /** Opened when it is needed. */
  writer(): Promise<PartitionWriter> {
    this.#writer ??= this.#topic.openWriter().catch((thrown: unknown) => {
      this.#writer = undefined;
      throw thrown;
    });
    return this.#writer;
  }

  /** With what was counted last. Where the queue does not take it in time, the writer ends with its queue. */
  async close(): Promise<void> {
    const ended = async () => {
      await this.#publishing;
      await this.publish();
      await (await this.#writer?.catch(() => undefined))?.close();
    };
    await Promise.race([ended(), delay(LEDGER_LIMITS.lastReportMs, undefined, { ref: false })]);
  }

  /** Durable, or given up, when it resolves. */
  async send(reports: readonly Report[]): Promise<void> {
    if (reports.length === 0) return;
    try {
      const writer = await this.writer();
      await Promise.all(encodeRecords(reports, this.#clock.now()).map((batch) => writer.append(batch)));
    } catch (thrown) {
      this.#log.warn(
        { reports: reports.length, reason: messageOf(thrown) },
        'counts could not be reported to the ledger: they are counted again from the queue',
      );
      await this.#writer?.then((writer) => writer.close()).catch(() => {});
      this.#writer = undefined;
    }
  }
}
