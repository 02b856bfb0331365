/**
 * The embedded search engine: ClickHouse in this process. One per data folder. Reads are questions of a tenant, with
 * limits; writes are what the indexer asks for.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Gauge, Histogram, type Registry } from 'prom-client';
import type { RebuildOriginal } from '../../event/answered.ts';
import { QUERY_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { StoreJournal } from '../journal.ts';
import type { SearchReader } from '../port.ts';
import { compileToSql } from './compile.ts';
import { EventsTable } from './events-table.ts';
import { type QueryLimits, QueryRunner } from './query-runner.ts';
import { count, histogram, stats, values } from './read-aggregates.ts';
import { contextOf, getEvent, type ReadContext, search } from './read-events.ts';
import { fields } from './read-fields.ts';
import { engineDrained, openSessions } from './sessions.ts';

export interface ClickHouseOptions {
  /** Holds `engine/` (ClickHouse's own) and `journal/`. */
  readonly directory: string;
  readonly log: Logger;
  readonly registry: Registry;
  /** For tests of other conditions. */
  readonly compile?: typeof compileToSql;
  readonly rebuildOriginal?: RebuildOriginal;
  readonly limits?: Partial<QueryLimits>;
}

export interface ClickHouseEngine extends SearchReader {
  readonly table: EventsTable;
  readonly journal: StoreJournal;
  /** Says from where `completeToMs()` comes: the indexer. */
  completeFrom(source: () => number): void;
  close(): Promise<void>;
}

export async function openClickHouse(options: ClickHouseOptions): Promise<ClickHouseEngine> {
  const { directory, log, registry, compile = compileToSql, rebuildOriginal = () => undefined } = options;
  await mkdir(join(directory, 'engine'), { recursive: true });
  const journal = await StoreJournal.open(join(directory, 'journal'));
  const open = await openSessions(join(directory, 'engine'));
  const writing = await open();
  const admin = await open();
  const table = await EventsTable.open(writing);
  const limits: QueryLimits = { ...QUERY_LIMITS, ...options.limits };
  const runner = new QueryRunner(open, admin, limits, log);
  const context: ReadContext = {
    slices: journal.catalogue,
    paths: journal.paths,
    compile: (query, binder) => compile(query, binder, { typesAt: (field) => journal.paths.at(field) }),
    rebuild: rebuildOriginal,
  };
  const time = measure(registry, runner);
  let completeTo = () => 0;
  return {
    table,
    journal,
    search: (question) =>
      time('search', () => runner.run(question.tenant, question.signal, (ask) => search(question, ask, context))),
    count: (question) =>
      time('count', () => runner.run(question.tenant, question.signal, (ask) => count(question, ask, context))),
    histogram: (question) =>
      time('histogram', () => runner.run(question.tenant, question.signal, (ask) => histogram(question, ask, context))),
    fields: (question) =>
      time('fields', () => runner.run(question.tenant, question.signal, (ask) => fields(question, ask, context))),
    values: (question) =>
      time('values', () => runner.run(question.tenant, question.signal, (ask) => values(question, ask, context))),
    stats: (question) =>
      time('stats', () => runner.run(question.tenant, question.signal, (ask) => stats(question, ask, context))),
    get: (question) =>
      time('get', () => runner.run(question.tenant, question.signal, (ask) => getEvent(question, ask, context))),
    context: (question) =>
      time('context', () => runner.run(question.tenant, question.signal, (ask) => contextOf(question, ask, context))),
    completeToMs: () => completeTo(),
    completeFrom: (source) => {
      completeTo = source;
    },
    close: async () => {
      runner.close();
      writing.close();
      admin.close();
      await engineDrained();
      await journal.close();
    },
  };
}

type Measure = <T>(question: string, work: () => Promise<T>) => Promise<T>;

function measure(registry: Registry, runner: QueryRunner): Measure {
  const seconds = new Histogram({
    name: 'spillway_search_question_seconds',
    help: 'Time that questions to the search engine took, their waiting included.',
    labelNames: ['question', 'outcome'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  new Gauge({
    name: 'spillway_search_questions',
    help: 'Questions to the search engine that run and that wait.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.set({ state: 'running' }, runner.running);
      this.set({ state: 'waiting' }, runner.waiting);
    },
  });
  return async (question, work) => {
    const began = performance.now();
    let outcome = 'error';
    try {
      const answer = await work();
      outcome = 'ok';
      return answer;
    } finally {
      seconds.observe({ question, outcome }, (performance.now() - began) / 1000);
    }
  };
}
