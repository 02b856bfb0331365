/**
 * Keeps one role's account: counts again what a crash took, adds what the role reports live, states changes to the
 * supervisor and writes checkpoints. Every batch counts once: reports that lie before the counted position are passed
 * over, so it does not matter whether a batch was read back or reported first.
 */
import { join } from 'node:path';
import { messageOf } from '../lib/errors.ts';
import { LEDGER_LIMITS } from '../lib/limits.ts';
import { LedgerBook } from '../monitor/ledger/book.ts';
import { countMissing, logName } from '../monitor/ledger/counting.ts';
import type { LedgerRow } from '../monitor/ledger/ledger.ts';
import { type Appended, type Offset, offset, type TopicPartition } from '../queue/port.ts';
import type { RoleContext } from './role-context.ts';
import { type FollowedLog, type RoleLedger, sayChanges } from './role-ledger.ts';

interface Report {
  readonly at: TopicPartition;
  readonly nextOffset: Offset;
  readonly rows: readonly LedgerRow[];
}

export class LedgerKeeper implements RoleLedger {
  readonly #context: RoleContext;
  readonly #polled: FollowedLog[];
  /** Logs whose batches the role reports. */
  readonly #followed = new Map<string, FollowedLog>();
  /** Reports of logs that are still being counted, or not followed yet: what lies before them has not been counted. */
  readonly #early = new Map<string, Report[]>();
  #book: LedgerBook | undefined;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();

  /** `polled`: logs with little in them, read back at every checkpoint. */
  constructor(context: RoleContext, polled: readonly FollowedLog[] = []) {
    this.#context = context;
    this.#polled = [...polled];
  }

  follow(counted: FollowedLog): void {
    const log = logName(counted.at);
    this.#followed.set(log, counted);
    if (!this.#early.has(log)) this.#early.set(log, []);
    const book = this.#book;
    if (book !== undefined) this.#do('count a log', () => this.#catchUp(book, [counted]));
  }

  poll(counted: FollowedLog): void {
    const log = logName(counted.at);
    if (!this.#polled.some(({ at }) => logName(at) === log)) this.#polled.push(counted);
  }

  /** Resolves when everything that is followed was counted. */
  async start(): Promise<void> {
    const { config, clock, role } = this.#context;
    const book = await LedgerBook.open(join(config.data, 'ledger', `${role}.ndjson`), clock);
    const followed = [...this.#followed.values()];
    this.#book = book;
    this.#work = this.#catchUp(book, followed);
    await this.#work;
    this.#state(book);
    this.#timer = setInterval(() => this.#tick(book), LEDGER_LIMITS.checkpointMs);
  }

  add(at: TopicPartition, { nextOffset }: Pick<Appended, 'nextOffset'>, rows: readonly LedgerRow[]): void {
    const log = logName(at);
    const early = this.#early.get(log);
    if (this.#book === undefined || early !== undefined || !this.#followed.has(log)) {
      if (early === undefined) this.#early.set(log, [{ at, nextOffset, rows }]);
      else early.push({ at, nextOffset, rows });
    } else if (nextOffset > (this.#book.position(log) ?? 0)) this.#book.add(log, nextOffset, rows);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#book !== undefined) this.#tick(this.#book);
    await this.#work;
  }

  #tick(book: LedgerBook): void {
    this.#do('write a checkpoint', async () => {
      // What could not be counted when it was to be.
      const left = [...this.#followed.values()].filter(({ at }) => this.#early.has(logName(at)));
      if (left.length > 0) await this.#catchUp(book, left);
      await this.#count(book, this.#polled);
      this.#state(book);
      await book.checkpoint();
    });
  }

  /** One after another. The account is a cache: what fails costs a longer count at the next start. */
  #do(what: string, work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#context.log.warn({ error: messageOf(error) }, `the ledger could not ${what}`);
    });
  }

  /** Counts what is missing of the logs, then what was reported meanwhile. */
  async #catchUp(book: LedgerBook, logs: readonly FollowedLog[]): Promise<void> {
    const counted = await this.#count(book, [...logs, ...this.#polled]);
    if (counted !== 'all') {
      const { log } = this.#context;
      if (counted === 'too-many') log.warn('the ledger was ahead of the queue: what is retained is counted again');
      else log.info('readers of the queue were set back, and so is the ledger: what is retained is counted again');
      // What is followed meanwhile is counted after this.
      const followed = new Map(this.#followed);
      for (const log of followed.keys()) if (!this.#early.has(log)) this.#early.set(log, []);
      book.clear();
      await this.#count(book, [...followed.values(), ...this.#polled]);
      return this.#takeEarly([...followed.keys()]);
    }
    this.#takeEarly(logs.map(({ at }) => logName(at)));
  }

  #takeEarly(logs: readonly string[]): void {
    for (const log of logs) {
      const early = this.#early.get(log) ?? [];
      this.#early.delete(log);
      for (const { at, nextOffset, rows } of early) this.add(at, { nextOffset }, rows);
    }
  }

  #state(book: LedgerBook): void {
    const { link } = this.#context;
    sayChanges(link, book.takeChanges());
  }

  /**
   * `too-many`: a log ends before what was counted of it. `set-back`: only its reader is before that, as the store is
   * after a change of the search engine.
   */
  async #count(book: LedgerBook, logs: readonly FollowedLog[]): Promise<'all' | 'set-back' | 'too-many'> {
    let isSetBack = false;
    for (const { at, count, end } of logs) {
      const reader = this.#context.queue.openReader(at);
      try {
        const upTo = end === undefined ? await reader.endOffset() : offset((await end()) ?? 0);
        if (await countMissing(book, reader, upTo, count)) continue;
        if (end === undefined || (book.position(logName(at)) ?? 0) > (await reader.endOffset())) return 'too-many';
        isSetBack = true;
      } finally {
        await reader.close();
      }
    }
    return isSetBack ? 'set-back' : 'all';
  }
}
