import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { STORE_LIMITS } from '../../lib/limits.ts';
import { type ClickHouseEngine, openClickHouse } from './engine.ts';

const { tidyParts: PARTS, tidyAfterS: QUIET_S } = STORE_LIMITS;
const PARTITION = '30-20000';

let directory: string;
let engine: ClickHouseEngine;
let logged: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spillway-writer-'));
  logged = [];
  engine = await open();
});
afterEach(async () => {
  await engine.close();
  await rm(directory, { recursive: true });
});

function open(): Promise<ClickHouseEngine> {
  const log = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) });
  return openClickHouse({ directory, log, registry: new Registry() });
}

/** Opens the engine again as if nothing had been inserted for long: the engine reads the times of folders. */
async function reopenQuiet(): Promise<void> {
  await engine.close();
  const old = new Date(Date.now() - QUIET_S * 100_000);
  const names = await readdir(directory, { recursive: true });
  const folders = names.filter((name) => name.split('/').at(-1)?.startsWith(`${PARTITION}_`));
  expect(folders.length).toBeGreaterThanOrEqual(PARTS);
  for (const name of folders) await utimes(join(directory, name), old, old);
  engine = await open();
}

const parts = () => engine.table.run("SELECT count(), sum(rows) FROM system.parts WHERE active AND table = 'events'");

test('small parts are merged while the store runs, and a stop does not wait for that', async () => {
  const { table } = engine;
  for (let i = 0; i < PARTS; i++) {
    await table.run(
      `INSERT INTO events (retention_days, slice_day, tenant, message)
       SELECT 30, 20000, 'acme', randomPrintableASCII(100) FROM numbers(2000)`,
    );
  }
  // A merge computes a column that no part has, row by row: it takes seconds.
  await table.run('ALTER TABLE events ADD COLUMN slow UInt8 DEFAULT sleepEachRow(0.0005)');
  await reopenQuiet();
  const stop = engine.writer.maintain();
  await expect.poll(() => engine.table.run('SELECT count() FROM system.merges')).toEqual([[1]]);
  await stop();
  expect(await parts()).toEqual([[PARTS, PARTS * 2000]]);
  await engine.table.run('ALTER TABLE events MODIFY COLUMN slow UInt8 DEFAULT 0');
  const stopAgain = engine.writer.maintain();
  await expect.poll(parts).toEqual([[1, PARTS * 2000]]);
  await stopAgain();
  expect(logged).toEqual([]);
});
