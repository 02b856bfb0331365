/**
 * The embedded search engine: ClickHouse in this process. One per data folder. Reads are questions of a tenant, with
 * limits; writes are what the indexer asks for.
 */
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import type { RebuildOriginal } from '../../event/answered.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { QUERY_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { StoreJournal } from '../journal.ts';
import { LocalPolicy } from '../policy/local-policy.ts';
import type { Question, SearchEngine } from '../port.ts';
import { measureQuestions } from '../question-metrics.ts';
import { compileToSql } from './compile.ts';
import { DraftFiles } from './draft-files.ts';
import { EventsTable } from './events-table.ts';
import { withImplied } from './implied.ts';
import { lowerMergePriority } from './merge-priority.ts';
import { type Ask, type QueryLimits, QueryRunner } from './query-runner.ts';
import { count, histogram, stats, values } from './read-aggregates.ts';
import { contextOf, getEvent, type ReadContext, search } from './read-events.ts';
import { fields } from './read-fields.ts';
import { engineDrained, openSessions } from './sessions.ts';
import { SliceNumbers } from './slice-numbers.ts';
import { ClickHouseSlices } from './slice-reader.ts';
import { expectUnknownRows } from './unknown-rows.ts';
import { ClickHouseWriter } from './writer.ts';

export interface ClickHouseOptions {
  /** Holds `engine/` (ClickHouse's own), `journal/`, and drafts where the machine has no tmpfs. */
  readonly directory: string;
  readonly log: Logger;
  readonly registry: Registry;
  /** For tests of other conditions. */
  readonly compile?: typeof compileToSql;
  readonly rebuildOriginal?: RebuildOriginal;
  readonly limits?: Partial<QueryLimits>;
  readonly clock?: Clock;
}

export interface ClickHouseEngine extends SearchEngine {
  readonly table: EventsTable;
  readonly slices: ClickHouseSlices;
}

export async function openClickHouse(options: ClickHouseOptions): Promise<ClickHouseEngine> {
  const {
    directory,
    log,
    registry,
    compile = compileToSql,
    rebuildOriginal = () => undefined,
    clock = systemClock,
  } = options;
  await mkdir(join(directory, 'engine'), { recursive: true });
  const journal = await StoreJournal.open(join(directory, 'journal'));
  const open = await openSessions(join(directory, 'engine'));
  const writing = await open();
  const admin = await open();
  const tidying = await open();
  const table = await EventsTable.open(writing);
  const numbers = await SliceNumbers.open(join(directory, 'journal'));
  await lowerMergePriority(log);
  const partitions = await table.partitions();
  numbers.keepOnly(partitions.map(({ number }) => number));
  expectUnknownRows({ partitions, numbers, catalogue: journal.catalogue, nowMs: clock.now() });
  const slices = new ClickHouseSlices(journal, numbers, table);
  const files = await DraftFiles.open(directory);
  const limits: QueryLimits = { ...QUERY_LIMITS, ...options.limits };
  const runner = new QueryRunner(open, admin, limits, log);
  const { paths } = journal;
  const time = measureQuestions(registry, runner);
  const context: ReadContext = {
    slices: slices.index,
    paths,
    sortedRows: limits.sortedRows,
    compile: (query, binder) => compile(query, binder, { typesAt: (field) => paths.at(field) }),
    rebuild: rebuildOriginal,
  };
  /** Asks within the question's place and limits. */
  const asked =
    <Q extends Question, T>(name: string, work: (question: Q, ask: Ask, context: ReadContext) => Promise<T>) =>
    (question: Q): Promise<T> =>
      time(name, () =>
        runner.run(question.tenant, question.signal, (ask) =>
          withImplied(question, slices.index, (implied) => work(question, ask, { ...context, implied })),
        ),
      );
  let completeTo: SearchEngine['completeToMs'] = () => 0;
  return {
    index: `the embedded engine in ${directory} on ${hostname()}`,
    table,
    writer: new ClickHouseWriter({ table, tidying, admin, files, numbers, catalogue: journal.catalogue, log }),
    journal,
    policy: new LocalPolicy(journal),
    slices,
    search: asked('search', search),
    count: asked('count', count),
    histogram: asked('histogram', histogram),
    fields: asked('fields', fields),
    values: asked('values', values),
    stats: asked('stats', stats),
    get: ({ tenant, signal, id }) =>
      time('get', () => runner.run(tenant, signal, (ask) => getEvent({ tenant, id }, ask, context))),
    context: asked('context', contextOf),
    completeToMs: (...about) => completeTo(...about),
    completeFrom: (source) => {
      completeTo = source;
    },
    close: async () => {
      runner.close();
      writing.close();
      admin.close();
      tidying.close();
      await engineDrained();
      await files.close();
      await journal.close();
    },
  };
}
