/** The writing side of the table: inserts, what is visible of a range, and what makes it durable. */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeDisk } from '../../lib/disk.ts';
import type { Range } from '../journal.ts';
import type { StoredRow } from '../port.ts';
import { SqlBinder } from './binder.ts';
import { number, text } from './rows.ts';
import { createEventsTable, EVENTS_TABLE, INSERT_STRUCTURE } from './schema.ts';
import type { EngineSession, StatementOptions } from './sessions.ts';
import type { SliceNumber } from './slice-numbers.ts';
import { inSlices } from './where.ts';

export interface StoredPartition {
  readonly number: SliceNumber;
  readonly rows: number;
  readonly bytesOnDisk: number;
}

/** Where `works` puts its row: nothing is kept for no days. */
export const NOBODYS: SliceNumber = { kind: 0, start: 0 };

export class EventsTable {
  readonly #session: EngineSession;
  #folders: string[] = [];
  /** Merged parts that are on the disk as a whole. */
  #synced = new Set<string>();

  private constructor(session: EngineSession) {
    this.#session = session;
  }

  static async open(session: EngineSession): Promise<EventsTable> {
    const table = new EventsTable(session);
    await session.run(createEventsTable());
    const binder = new SqlBinder();
    const rows = await session.run(
      `SELECT data_paths FROM system.tables WHERE database = currentDatabase() AND name = ${binder.bind('String', EVENTS_TABLE)}`,
      binder,
    );
    table.#folders = rows.flatMap(([paths]) => (Array.isArray(paths) ? paths.map(text) : []));
    return table;
  }

  /** A statement about the table itself. */
  async run(sql: string, binder?: SqlBinder, options?: StatementOptions): Promise<unknown[][]> {
    return this.#session.run(sql, binder, options);
  }

  /** Inserts the blocks in a file of Native format. Parts and their folders are synced when it resolves. */
  async insertFile(path: string): Promise<void> {
    const binder = new SqlBinder();
    const file = `file(${binder.bind('String', path)}, 'Native', ${binder.bind('String', INSERT_STRUCTURE)})`;
    await this.#session.run(`INSERT INTO ${EVENTS_TABLE} SELECT * FROM ${file}`, binder, { settings: INSERT_SETTINGS });
  }

  /**
   * Whether the table takes rows at all: one of nobody's goes into it, in a slice of its own, and out again. So a full
   * disk or a table of too many parts is told from an event that is refused.
   */
  async works(): Promise<boolean> {
    try {
      await this.#session.run(
        `INSERT INTO ${EVENTS_TABLE} (retention_days, slice_day, tenant) VALUES (${NOBODYS.kind}, ${NOBODYS.start}, '')`,
      );
      await this.dropPartition(NOBODYS);
      return true;
    } catch {
      return false;
    }
  }

  /** The names of new parts are on the disk. */
  async syncFolders(): Promise<void> {
    for (const folder of this.#folders) await nodeDisk.syncDirectory(folder);
  }

  /** Offsets of the range whose rows are visible, in these slices. */
  async visibleOffsets(range: Range, slices: readonly SliceNumber[]): Promise<Set<number>> {
    if (slices.length === 0) return new Set();
    const binder = new SqlBinder();
    const rows = await this.#session.run(
      `SELECT queue_offset FROM ${EVENTS_TABLE} WHERE ${inRange(range, slices, binder)}`,
      binder,
    );
    return new Set(rows.map(([queueOffset]) => number(queueOffset)));
  }

  /** Of all slices. */
  async lastRow(partition: number): Promise<StoredRow | undefined> {
    const binder = new SqlBinder();
    const [row] = await this.#session.run(
      `SELECT queue_offset, timestamp + delay FROM ${EVENTS_TABLE}
       WHERE queue_partition = ${binder.bind('UInt32', partition)} ORDER BY queue_offset DESC LIMIT 1`,
      binder,
    );
    return row === undefined ? undefined : { offset: number(row[0]), receivedMs: number(row[1]) };
  }

  /** Syncs the parts that hold rows of the range: after a crash nobody knows whether they were. */
  async syncParts(range: Range, slices: readonly SliceNumber[]): Promise<void> {
    if (slices.length === 0) return;
    const binder = new SqlBinder();
    const parts = await this.#session.run(
      `SELECT DISTINCT _part FROM ${EVENTS_TABLE} WHERE ${inRange(range, slices, binder)}`,
      binder,
    );
    for (const [part] of parts) {
      for (const folder of this.#folders) await syncFolder(join(folder, text(part)));
    }
    await this.syncFolders();
  }

  /** Syncs what merges have made since the last call; how many parts that were. */
  async syncMerged(): Promise<number> {
    const rows = await this.#session.run(
      `SELECT name FROM system.parts
       WHERE database = currentDatabase() AND table = '${EVENTS_TABLE}' AND active AND level > 0`,
    );
    const merged = new Set(rows.map(([name]) => text(name)));
    const fresh = [...merged].filter((name) => !this.#synced.has(name));
    for (const name of fresh) for (const folder of this.#folders) await syncFolder(join(folder, name));
    this.#synced = merged;
    return fresh.length;
  }

  async partitions(): Promise<StoredPartition[]> {
    const rows = await this.#session.run(
      `SELECT partition, sum(rows), sum(bytes_on_disk) FROM system.parts
       WHERE database = currentDatabase() AND table = '${EVENTS_TABLE}' AND active GROUP BY partition`,
    );
    return rows.map(([partition, count, bytes]) => {
      const [kind = 0, start = 0] = (text(partition).match(/\d+/g) ?? []).map(Number);
      return { number: { kind, start }, rows: Number(count), bytesOnDisk: Number(bytes) };
    });
  }

  /** Drops all rows of a slice: their files, at once. */
  async dropPartition({ kind, start }: SliceNumber): Promise<void> {
    const binder = new SqlBinder();
    const partition = `(${binder.bind('UInt32', kind)}, ${binder.bind('UInt32', start)})`;
    await this.#session.run(`ALTER TABLE ${EVENTS_TABLE} DROP PARTITION ${partition}`, binder);
  }
}

/** One part for each partition of an insert, made by one thread. */
const INSERT_SETTINGS = {
  max_insert_threads: 1,
  min_insert_block_size_rows: 1_048_576,
  min_insert_block_size_bytes: 0,
  max_partitions_per_insert_block: 0,
  materialize_skip_indexes_on_insert: 1,
};

/** There may be slices that the catalogue does not know. */
const EVERY_OTHER = { counts: () => ({ slices: Number.POSITIVE_INFINITY, kinds: Number.POSITIVE_INFINITY }) };

function inRange(range: Range, slices: readonly SliceNumber[], binder: SqlBinder): string {
  return [
    ...inSlices(slices, EVERY_OTHER, binder),
    `queue_partition = ${binder.bind('UInt32', range.partition)}`,
    `queue_offset >= ${binder.bind('Int64', range.from)}`,
    `queue_offset < ${binder.bind('Int64', range.to)}`,
  ].join(' AND ');
}

async function syncFolder(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncFolder(path);
    else await syncFile(path);
  }
  await nodeDisk.syncDirectory(folder);
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
