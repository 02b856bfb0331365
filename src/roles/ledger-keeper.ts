/**
 * Keeps one role's account: counts again what a crash took, adds what the role reports live, states changes to the
 * supervisor and writes checkpoints. Every batch counts once: reports that lie before the counted position are passed
 * over, so it does not matter whether a batch was read back or reported first.
 */
import { join } from 'node:path';
import { messageOf } from '../lib/errors.ts';
import { LEDGER_LIMITS } from '../lib/limits.ts';
import { LedgerBook } from '../monitor/ledger/book.ts';
import { type BatchCounter, countMissing, logName } from '../monitor/ledger/counting.ts';
import type { LedgerRow } from '../monitor/ledger/ledger.ts';
import { offset, type TopicPartition } from '../queue/port.ts';
import type { RoleContext } from './role-context.ts';

/** A log that the account is counted from, and how a batch of it counts. */
export interface CountedLog {
  readonly at: TopicPartition;
  readonly count: BatchCounter;
  /** Up to where it counts; the durable end where it is left out. */
  readonly end?: () => Promise<number | undefined>;
}

export interface KeptLogs {
  /** The role reports their batches with add(). */
  readonly reported: readonly CountedLog[];
  /** Logs with little in them, read back at every checkpoint. */
  readonly polled: readonly CountedLog[];
}

interface Report {
  readonly at: TopicPartition;
  readonly nextOffset: number;
  readonly rows: readonly LedgerRow[];
}

export class LedgerKeeper {
  readonly #context: RoleContext;
  #book: LedgerBook | undefined;
  #early: Report[] = [];
  #polled: readonly CountedLog[] = [];
  #timer: NodeJS.Timeout | undefined;
  #checkpoint: Promise<void> = Promise.resolve();

  constructor(context: RoleContext) {
    this.#context = context;
  }

  /** Call it when the role's writers are open: then the logs end where the role goes on. */
  async start({ reported, polled }: KeptLogs): Promise<void> {
    const { config, clock, role, log } = this.#context;
    const book = await LedgerBook.open(join(config.data, 'ledger', `${role}.ndjson`), clock);
    const logs = [...reported, ...polled];
    if (!(await this.#count(book, logs))) {
      log.warn('the ledger was ahead of the queue: what is retained is counted again');
      book.clear();
      await this.#count(book, logs);
    }
    this.#book = book;
    this.#polled = polled;
    for (const { at, nextOffset, rows } of this.#early.splice(0)) this.add(at, nextOffset, rows);
    this.#state(book);
    this.#timer = setInterval(() => this.#tick(book), LEDGER_LIMITS.checkpointMs);
  }

  /** Adds the counts of a batch that is durable and ends at `nextOffset`. */
  add(at: TopicPartition, nextOffset: number, rows: readonly LedgerRow[]): void {
    const log = logName(at);
    if (this.#book === undefined) this.#early.push({ at, nextOffset, rows });
    else if (nextOffset > (this.#book.position(log) ?? 0)) this.#book.add(log, nextOffset, rows);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#book !== undefined) this.#tick(this.#book);
    await this.#checkpoint;
  }

  #tick(book: LedgerBook): void {
    this.#checkpoint = this.#checkpoint
      .then(async () => {
        await this.#count(book, this.#polled);
        this.#state(book);
        await book.checkpoint();
      })
      .catch((error: unknown) => {
        // The account is a cache: a checkpoint that fails costs a longer count at the next start.
        this.#context.log.warn({ error: messageOf(error) }, 'the ledger could not write a checkpoint');
      });
  }

  #state(book: LedgerBook): void {
    const { link } = this.#context;
    const { reset, rows } = book.takeChanges();
    if (reset) link.send({ kind: 'ledger', reset, rows: [] });
    for (let at = 0; at < rows.length; at += LEDGER_LIMITS.rowsPerMessage) {
      link.send({ kind: 'ledger', reset: false, rows: rows.slice(at, at + LEDGER_LIMITS.rowsPerMessage) });
    }
  }

  /** False where a log ends before what was counted of it. */
  async #count(book: LedgerBook, logs: readonly CountedLog[]): Promise<boolean> {
    for (const { at, count, end } of logs) {
      const reader = this.#context.queue.openReader(at);
      try {
        const upTo = end === undefined ? await reader.endOffset() : offset((await end()) ?? 0);
        if (!(await countMissing(book, reader, upTo, count))) return false;
      } finally {
        await reader.close();
      }
    }
    return true;
  }
}
