/**
 * The embedded engine's sessions. One session runs one statement at a time, several run beside each other; all share
 * one data folder, and a process has at most one.
 */
import type { Session } from 'chdb';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { InTurn } from '../../lib/in-turn.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import { type Setting, SqlBinder } from './binder.ts';

const MiB = 1024 * 1024;

/** Sized for two cores and a store that shares its machine: see docs/decisions/2026-11-23-search-store-schema.md. */
const SERVER_ARGUMENTS: Readonly<Record<string, number>> = {
  max_server_memory_usage: STORE_LIMITS.serverMemoryBytes,
  mark_cache_size: 64 * MiB,
  index_mark_cache_size: 16 * MiB,
  primary_index_cache_size: 32 * MiB,
  text_index_tokens_cache_size: 32 * MiB,
  text_index_header_cache_size: 32 * MiB,
  text_index_postings_cache_size: 32 * MiB,
  query_condition_cache_size: 8 * MiB,
  compiled_expression_cache_size: 16 * MiB,
  unique_key_index_cache_size_bytes: 1 * MiB,
  parquet_metadata_cache_size: 1 * MiB,
  iceberg_metadata_files_cache_size: 1 * MiB,
  vector_similarity_index_cache_size: 1 * MiB,
  background_pool_size: 2,
  background_schedule_pool_size: 4,
};

/** Of every session. */
const SESSION_SETTINGS: Readonly<Record<string, Setting>> = {
  max_query_size: 2 * MiB,
  output_format_json_escape_forward_slashes: 0,
  output_format_json_quote_64bit_integers: 0,
  // An answer comes from the events, not from the answer before.
  use_query_cache: 0,
  use_query_condition_cache: 0,
  // By default a query gets no second thread where less than 1 GiB of the server's memory is free a thread: never here.
  max_threads_min_free_memory_per_thread: 0,
};

export interface StatementOptions {
  readonly settings?: Readonly<Record<string, Setting>>;
}

export class EngineSession {
  readonly #connect: () => Session;
  /** Undefined before the first statement and after one that failed. */
  #session: Session | undefined;
  #isClosed = false;
  /** The engine would hold a second statement up on one of its threads. */
  readonly #turns = new InTurn();

  constructor(connect: () => Session) {
    this.#connect = connect;
  }

  /** Rows of a SELECT, as arrays in the order of its columns; nothing for other statements. */
  async run(sql: string, binder = new SqlBinder(), options: StatementOptions = {}): Promise<unknown[][]> {
    const text = await this.#turns.run(() => this.#ask(sql, binder, options));
    if (text === '') return [];
    return text.trimEnd().split('\n').map(parseRow);
  }

  async #ask(sql: string, binder: SqlBinder, { settings }: StatementOptions): Promise<string> {
    if (this.#isClosed) throw new SpillwayError('UNAVAILABLE', 'The search engine is being closed.');
    try {
      this.#session ??= await this.#begin();
      return await ask(this.#session, `${binder.assignments(settings)}${sql}`);
    } catch (thrown) {
      // The engine keeps the partial output of a statement that was killed, and would put it before the answer to the
      // next one, which may be another tenant's question: a session ends with its first failure.
      this.#session?.close();
      this.#session = undefined;
      throw mapEngineError(thrown);
    }
  }

  async #begin(): Promise<Session> {
    const session = this.#connect();
    await ask(session, new SqlBinder().assignments(SESSION_SETTINGS));
    return session;
  }

  close(): void {
    this.#isClosed = true;
    this.#session?.close();
    this.#session = undefined;
  }
}

async function ask(session: Session, sql: string): Promise<string> {
  return (await session.queryAsync(sql, { format: 'JSONCompactEachRow' })).text();
}

function parseRow(line: string): unknown[] {
  return JSON.parse(line);
}

/** Opens sessions on `directory`; the first one loads the engine. */
export async function openSessions(directory: string): Promise<() => Promise<EngineSession>> {
  const chdb = await loadEngine();
  const connectionArgs = Object.entries(SERVER_ARGUMENTS).map(([name, value]) => `--${name}=${value}`);
  return async () => new EngineSession(() => new chdb.Session(directory, { connectionArgs }));
}

/** Resolves when nothing runs in the engine and closed sessions are gone: then another folder can be opened. */
export async function engineDrained(): Promise<void> {
  const { drainPending } = await loadEngine();
  await drainPending();
}

async function loadEngine(): Promise<typeof import('chdb')> {
  try {
    return await import('chdb');
  } catch (cause) {
    throw new SpillwayError(
      'UNAVAILABLE',
      'The embedded search engine is not installed: run `npm install chdb`, or set `search.engine: opensearch`.',
      { cause },
    );
  }
}

/** Codes of ClickHouse's errors that have a meaning of their own here (src/Common/ErrorCodes.cpp). */
export const TOO_MANY_ROWS = 158;
const TIMEOUT_EXCEEDED = 159;
const MEMORY_LIMIT_EXCEEDED = 241;
/** Of merges that were stopped. */
export const ABORTED = 236;
const QUERY_WAS_CANCELLED = 394;
const CANNOT_COMPILE_REGEXP = 427;

export function engineCode(thrown: unknown): number | undefined {
  if (thrown instanceof SpillwayError) return engineCode(thrown.cause);
  if (typeof thrown !== 'object' || thrown === null || !('clickhouseCode' in thrown)) return undefined;
  return typeof thrown.clickhouseCode === 'number' ? thrown.clickhouseCode : undefined;
}

function mapEngineError(thrown: unknown): SpillwayError {
  const options = { cause: thrown };
  switch (engineCode(thrown)) {
    case TIMEOUT_EXCEEDED:
      return new SpillwayError(
        'QUERY_TIMEOUT',
        'The query was stopped at its limit of time. Narrow its range.',
        options,
      );
    case MEMORY_LIMIT_EXCEEDED:
      return new SpillwayError(
        'QUERY_MEMORY',
        'The query was stopped at its limit of memory. Narrow its range.',
        options,
      );
    case QUERY_WAS_CANCELLED:
      return new SpillwayError('QUERY_CANCELLED', 'The query was cancelled.', options);
    case CANNOT_COMPILE_REGEXP:
      return new SpillwayError(
        'QUERY_UNSUPPORTED',
        'The search engine cannot compile this regular expression.',
        options,
      );
    default:
      return new SpillwayError('INTERNAL', `The search engine failed: ${messageOf(thrown).slice(0, 2_000)}`, options);
  }
}
