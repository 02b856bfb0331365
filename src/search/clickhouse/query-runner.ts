/**
 * Runs questions on a pool of sessions, within their limits of time and memory, and stops them for real: a call that
 * is aborted on our side goes on in the engine until another session kills it.
 */

import { messageOf, SpillwayError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { Admission, type AdmissionLimits } from '../admission.ts';
import { type Setting, SqlBinder, settingTexts } from './binder.ts';
import type { EngineSession } from './sessions.ts';

export interface QueryLimits extends AdmissionLimits {
  readonly timeMs: number;
  readonly memoryBytes: number;
  readonly sortedRows: number;
}

/** Asks one statement within a question. */
export type Ask = (
  sql: string,
  binder?: SqlBinder,
  settings?: Readonly<Record<string, Setting>>,
) => Promise<unknown[][]>;

/** How often a kill is repeated until the statement has ended: it may begin after the first one. */
const KILL_AGAIN_MS = 50;

/** For one statement alone: what `SET` brings stays with the session. */
function settingsClause(settings: Readonly<Record<string, Setting>>): string {
  const all = settingTexts(settings);
  return all.length === 0 ? '' : `\nSETTINGS ${all.join(', ')}`;
}

export class QueryRunner {
  readonly #open: () => Promise<EngineSession>;
  readonly #admin: EngineSession;
  readonly #limits: QueryLimits;
  readonly #log: Logger;
  readonly #admission: Admission;
  readonly #idle: EngineSession[] = [];
  readonly #all: EngineSession[] = [];
  #statements = 0;

  constructor(open: () => Promise<EngineSession>, admin: EngineSession, limits: QueryLimits, log: Logger) {
    this.#open = open;
    this.#admin = admin;
    this.#limits = limits;
    this.#log = log;
    this.#admission = new Admission(limits);
  }

  get running(): number {
    return this.#admission.running;
  }

  get waiting(): number {
    return this.#admission.waiting;
  }

  /** One question, of one or more statements, for a tenant. Its time counts from its first statement. */
  run<T>(tenant: string, signal: AbortSignal, work: (ask: Ask) => Promise<T>): Promise<T> {
    return this.#admission.run(tenant, signal, async () => {
      const session = this.#idle.pop() ?? (await this.#newSession());
      const deadline = performance.now() + this.#limits.timeMs;
      try {
        return await work((sql, binder = new SqlBinder(), settings = {}) =>
          this.#ask(session, sql, binder, settings, signal, deadline),
        );
      } finally {
        this.#idle.push(session);
      }
    });
  }

  close(): void {
    for (const session of this.#all) session.close();
  }

  async #newSession(): Promise<EngineSession> {
    const session = await this.#open();
    this.#all.push(session);
    return session;
  }

  async #ask(
    session: EngineSession,
    sql: string,
    binder: SqlBinder,
    own: Readonly<Record<string, Setting>>,
    signal: AbortSignal,
    deadline: number,
  ) {
    if (signal.aborted) throw new SpillwayError('QUERY_CANCELLED', 'The query was cancelled.');
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) throw new SpillwayError('QUERY_TIMEOUT', 'The query reached its limit of time. Narrow its range.');
    const mark = `question ${++this.#statements}`;
    const settings = {
      log_comment: mark,
      max_execution_time: leftMs / 1000,
      max_memory_usage: this.#limits.memoryBytes,
    };
    let again: NodeJS.Timeout | undefined;
    const kill = () => {
      this.#kill(mark);
      again ??= setInterval(kill, KILL_AGAIN_MS);
    };
    signal.addEventListener('abort', kill, { once: true });
    try {
      return await session.run(sql + settingsClause(own), binder, { settings });
    } finally {
      signal.removeEventListener('abort', kill);
      clearInterval(again);
    }
  }

  #kill(mark: string): void {
    const binder = new SqlBinder();
    const sql = `KILL QUERY WHERE Settings['log_comment'] = ${binder.bind('String', mark)} ASYNC`;
    this.#admin.run(sql, binder).catch((thrown: unknown) => {
      this.#log.warn({ reason: messageOf(thrown) }, 'A query could not be cancelled');
    });
  }
}
