/**
 * Follows the account of all process trees: takes what they report, looks where the logs end, counts what nobody has
 * reported in time, and says how much of what is there the account does not have.
 */
import { GROUPS, TOPICS } from '../../event/topics.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import { LEDGER_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { PartitionReader, TopicPartition } from '../../queue/port.ts';
import { type CountedLog, countedLogs, countingOf, nameOfCounted } from './counted-logs.ts';
import { chooseGaps, countGaps } from './gaps.ts';
import { type LedgerKnown, type LedgerRow, type Missing, minuteOf } from './ledger.ts';
import type { LedgerTopic, LogEnds } from './ledger-topic.ts';
import { ReportOutbox } from './outbox.ts';
import { offsetsIn, type Range } from './ranges.ts';
import type { Report } from './report.ts';
import type { Reporter } from './reporter.ts';
import { SharedAccount } from './shared-account.ts';

export interface FollowerOptions {
  readonly topic: LedgerTopic;
  readonly reporter: Reporter;
  /** Of `raw`. */
  readonly partitions: () => number;
  readonly openReader: (at: TopicPartition) => PartitionReader;
  readonly logs: LogEnds;
  readonly clock: Clock;
  readonly log: Logger;
  /** What has changed; with `reset` all that was said before is forgotten. */
  readonly onChange: (change: {
    readonly reset: boolean;
    readonly rows: readonly LedgerRow[];
    readonly known: LedgerKnown;
  }) => void;
  readonly gapMs?: number;
  readonly gapJitterMs?: number;
}

/** What of a log is there at a time, and when it has to be counted. */
interface Watch {
  readonly end: number;
  readonly dueMs: number;
}

const HOUR_MS = 3_600_000;

export class LedgerFollower {
  readonly #options: FollowerOptions;
  readonly #account: SharedAccount;
  readonly #watched = new Map<string, Watch>();
  /** The one short gap of a log, where the last look found no more. */
  readonly #short = new Map<string, Range>();
  /** By log; undefined where that is not known. */
  #ends = new Map<string, number | undefined>();
  #asOfMs = 0;
  #looks = 0;
  #askedMs = Number.NEGATIVE_INFINITY;
  #foldedMs = performance.now();
  #snapshotMs = Number.NEGATIVE_INFINITY;
  #snapshotAfter = snapshotAfter();

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#account = new SharedAccount(options.topic, options.clock);
  }

  /** Once more; call it again and again, one call at a time. Throws what the queue throws. */
  async follow(): Promise<void> {
    const { reporter } = this.#options;
    await reporter.publishAfter(everyMs(this.#options.partitions()));
    // Before what was reported is read: so all that was there then is reported, or missing.
    const looked = await this.#lookForEnds();
    await this.#account.follow();
    if (looked !== undefined) this.#asOfMs = looked;
    const counted = await this.#countGaps(looked !== undefined);
    if (counted.length > 0) {
      await reporter.send(counted);
      await this.#account.follow();
    }
    this.#say();
    await this.#keepSmall();
  }

  async close(): Promise<void> {
    await this.#account.close();
  }

  #logs(): CountedLog[] {
    return countedLogs(this.#options.partitions());
  }

  /** When that was, by the clock; undefined where it is too early. */
  async #lookForEnds(): Promise<number | undefined> {
    const { partitions, clock } = this.#options;
    if (performance.now() - this.#askedMs < everyMs(partitions())) return undefined;
    const asOfMs = clock.now();
    const logs = this.#logs();
    const committed = logs.filter(({ kind }) => countingOf(kind).toCommitted);
    const whole = logs.filter(({ kind }) => !countingOf(kind).toCommitted);
    const ends = await Promise.all([this.#endsOf(whole), this.#committedOf(committed)]);
    this.#ends = new Map(ends.flat());
    this.#askedMs = performance.now();
    this.#looks++;
    return asOfMs;
  }

  async #endsOf(logs: readonly CountedLog[]): Promise<[string, number | undefined][]> {
    const ends = await this.#options.logs.ends(logs.map(placeOf));
    return logs.map((log, i) => [nameOfCounted(log), ends[i]]);
  }

  /** What the store has committed of them. */
  async #committedOf(logs: readonly CountedLog[]): Promise<[string, number | undefined][]> {
    const partitions = logs.map(({ partition }) => partition);
    const committed = await this.#options.logs
      .committed(GROUPS.store, TOPICS.events, partitions)
      .catch((thrown: unknown) => {
        this.#options.log.debug({ reason: messageOf(thrown) }, 'it is not known what the store has committed');
        return undefined;
      });
    return logs.map((log) => [nameOfCounted(log), committed && (committed.get(log.partition) ?? 0)]);
  }

  /**
   * In reports of their own: that of another tree may be there first, and of a report that was passed over nothing else
   * should be missing. Whether this tree has reported a range before does not matter: that report was lost, then.
   */
  async #countGaps(hasLooked: boolean): Promise<readonly Report[]> {
    const { clock } = this.#options;
    const found = new ReportOutbox();
    for (const log of this.#logs()) {
      const name = nameOfCounted(log);
      const { gaps, isDue } = this.#gapsOf(name, hasLooked);
      const chosen = chooseGaps(gaps);
      // While there is more to count, nothing else is waited for.
      if (isDue && offsetsIn(chosen) === offsetsIn(gaps)) this.#watch(log);
      if (chosen.length === 0) continue;
      // Of its own, and not kept: it reads ahead, and there are many partitions.
      const reader = this.#openReader(log);
      try {
        await countGaps(log, { gaps, chosen }, reader, found, clock.now());
      } finally {
        await reader.close();
      }
    }
    return found.take();
  }

  /** What is to be counted now. */
  #gapsOf(name: string, hasLooked: boolean): { readonly gaps: readonly Range[]; readonly isDue: boolean } {
    const watch = this.#watched.get(name);
    const isDue = watch === undefined || performance.now() >= watch.dueMs;
    const end = isDue ? (watch?.end ?? 0) : 0;
    const gaps = this.#account.book.counted(name).missing(0, end, LEDGER_LIMITS.gapsAtOnce);
    const stuck = hasLooked ? this.#stuckGap(name) : undefined;
    return { gaps: gaps.length === 0 && stuck !== undefined ? [stuck] : gaps, isDue };
  }

  /**
   * A short gap that nobody has filled since the last look, or which is there when all roles have just begun, is mostly the
   * marker of a takeover: nobody's record, and nobody reports it. Counting it is sooner than to call it missing.
   */
  #stuckGap(name: string): Range | undefined {
    const before = this.#short.get(name);
    const [gap, more] = this.#account.book.counted(name).missing(0, this.#ends.get(name) ?? 0, 2);
    this.#short.delete(name);
    if (gap === undefined || more !== undefined || gap[1] - gap[0] > LEDGER_LIMITS.shortGapOffsets) return undefined;
    this.#short.set(name, gap);
    const isStuck = before !== undefined && before[0] === gap[0] && before[1] === gap[1];
    return isStuck || this.#looks <= LEDGER_LIMITS.firstLooks ? gap : undefined;
  }

  #watch(log: CountedLog): void {
    const end = this.#ends.get(nameOfCounted(log));
    if (end === undefined) return;
    const { gapMs = LEDGER_LIMITS.gapMs, gapJitterMs = LEDGER_LIMITS.gapJitterMs } = this.#options;
    const isReported = countingOf(log.kind).reporter !== undefined;
    // Whoever reports has counted at most so long ago.
    const waitMs = isReported ? gapMs + 2 * everyMs(this.#options.partitions()) : LEDGER_LIMITS.unreportedGapMs;
    const dueMs = performance.now() + waitMs + Math.random() * gapJitterMs;
    this.#watched.set(nameOfCounted(log), { end, dueMs });
  }

  #say(): void {
    const { book } = this.#account;
    const missing: Missing[] = [];
    for (const [log, end] of this.#ends) {
      if (end === undefined) missing.push({ log, why: 'unread' });
      else {
        const offsets = book.counted(log).missingCount(0, end);
        if (offsets > 0) missing.push({ log, why: 'not yet', offsets });
      }
    }
    for (const [log, gone] of book.gone) missing.push({ log, why: 'gone', ...gone });
    this.#options.onChange({ ...book.takeChanges(), known: { asOfMs: this.#asOfMs, missing } });
  }

  async #keepSmall(): Promise<void> {
    const { clock, reporter } = this.#options;
    const now = performance.now();
    if (now - this.#foldedMs > HOUR_MS) {
      this.#account.book.fold(minuteOf(clock.now()));
      this.#foldedMs = now;
    }
    const isLong = this.#account.recordsSinceSnapshot >= this.#snapshotAfter;
    if (!isLong || now - this.#snapshotMs < LEDGER_LIMITS.snapshotMs) return;
    this.#snapshotMs = now;
    this.#snapshotAfter = snapshotAfter();
    await this.#account.writeSnapshot(await reporter.writer());
  }

  #openReader(log: CountedLog): PartitionReader {
    return this.#options.openReader(placeOf(log));
  }
}

const placeOf = ({ kind, partition }: CountedLog): TopicPartition => ({ topic: countingOf(kind).topic, partition });

/** How often each tree reports, and looks where the logs end. */
export const everyMs = (partitions: number): number => partitions * LEDGER_LIMITS.msPerPartition;

/** Not all trees write one at the same time. */
function snapshotAfter(): number {
  return LEDGER_LIMITS.snapshotReports * (1 + Math.random() / 2);
}
