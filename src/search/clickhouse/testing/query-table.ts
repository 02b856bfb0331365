/** The real table of events in a folder, for tests that ask it many compiled queries at once. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoredEvent } from '../../../event/event.ts';
import type { QueryNode } from '../../../query/ast.ts';
import { PathTypes } from '../../path-types.ts';
import type { SliceKey } from '../../slices.ts';
import { SqlBinder } from '../binder.ts';
import { type CompileOptions, compileToSql } from '../compile.ts';
import type { TypesAt } from '../compile-path.ts';
import { EventsTable } from '../events-table.ts';
import { EventBlock } from '../native/event-block.ts';
import { EVENTS_TABLE } from '../schema.ts';
import { type EngineSession, openSessions } from '../sessions.ts';
import type { SliceNumber } from '../slice-numbers.ts';

const SLICE = { retentionDays: 30, hours: 24, group: '', start: 20_000 };
export const PLACEMENT = { slice: SLICE, tier: 'shared' };
/** Numbers of slices of a day that all share. */
export const plainNumber = ({ retentionDays, start }: SliceKey): SliceNumber => ({ kind: retentionDays, start });

/** Conditions in one statement. */
const QUERIES_AT_ONCE = 40;

export class QueryTable {
  readonly #directory: string;
  readonly #session: EngineSession;
  readonly #table: EventsTable;
  /** Of each two events one is in a block as earlier versions made them: stored tables have both. */
  readonly #blocks = [new EventBlock(plainNumber), new EventBlock(plainNumber, false)];
  #paths = new PathTypes();

  private constructor(directory: string, session: EngineSession, table: EventsTable) {
    this.#directory = directory;
    this.#session = session;
    this.#table = table;
  }

  static async open(): Promise<QueryTable> {
    const directory = await mkdtemp(join(tmpdir(), 'spillway-query-'));
    const session = await (await openSessions(join(directory, 'data')))();
    return new QueryTable(directory, session, await EventsTable.open(session));
  }

  /** Puts these events in the place of those before. */
  async replace(events: readonly StoredEvent[]): Promise<void> {
    for (const block of this.#blocks) block.clear();
    for (const [i, event] of events.entries()) {
      const bytes = Buffer.from(JSON.stringify(event));
      this.#blocks[i % 2]?.add(bytes, 0, bytes.length, 0, i, () => PLACEMENT);
    }
    this.#paths = new PathTypes();
    for (const block of this.#blocks) this.#paths.add(block.pathTypes());
    await this.insert(...this.#blocks);
  }

  /** Puts the rows of the blocks in the place of those before. */
  async insert(...blocks: readonly EventBlock[]): Promise<void> {
    await this.run(`TRUNCATE TABLE ${EVENTS_TABLE}`);
    for (const block of blocks) {
      if (block.rows === 0) continue;
      const file = join(this.#directory, 'block.native');
      await writeFile(file, Buffer.concat(block.encode()));
      await this.#table.insertFile(file);
    }
  }

  /** What is known of the paths of the events, as the store knows it. */
  readonly typesAt: TypesAt = (field) => this.#paths.at(field);

  /** For each query the positions of the events that match, in order. */
  async matching(queries: readonly QueryNode[], options: CompileOptions = {}): Promise<number[][]> {
    const answers: number[][] = [];
    for (let from = 0; from < queries.length; from += QUERIES_AT_ONCE) {
      const binder = new SqlBinder();
      const selects = queries.slice(from, from + QUERIES_AT_ONCE).map((query, i) => {
        const condition = compileToSql(query, binder, options);
        return `SELECT ${i} AS query, arraySort(groupArray(queue_offset)) FROM ${EVENTS_TABLE} WHERE ${condition}`;
      });
      const rows = await this.run(`SELECT * FROM (${selects.join(' UNION ALL ')}) ORDER BY query`, binder);
      answers.push(...rows.map(([, offsets]) => (Array.isArray(offsets) ? offsets.map(Number) : [])));
    }
    return answers;
  }

  run(sql: string, binder?: SqlBinder): Promise<unknown[][]> {
    return this.#session.run(sql, binder);
  }

  async close(): Promise<void> {
    this.#session.close();
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
