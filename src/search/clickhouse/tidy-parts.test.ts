import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { STORE_LIMITS } from '../../lib/limits.ts';
import { EventsTable } from './events-table.ts';
import { type EngineSession, engineDrained, openSessions } from './sessions.ts';
import { isUntidy, PartsTidier, type TidyLimits } from './tidy-parts.ts';

const { tidyParts: PARTS, tidyAfterS: QUIET_S, tidyBytes: MAX_BYTES, tidyShare: SHARE } = STORE_LIMITS;
const ROWS = 2_000;
const DAY = 20_000;

let directory: string;
let sessions: EngineSession[];
let table: EventsTable;
let warnings: unknown[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spillway-tidy-'));
  const open = await openSessions(directory);
  sessions = await Promise.all([open(), open(), open()]);
  table = await EventsTable.open(session(0));
});
afterEach(async () => {
  warnings = [];
  await table.run('TRUNCATE TABLE events');
  await table.run('ALTER TABLE events DROP COLUMN IF EXISTS slow, DROP COLUMN IF EXISTS broken');
});
afterAll(async () => {
  for (const each of sessions) each.close();
  await engineDrained();
  await rm(directory, { recursive: true });
});

function session(index: number): EngineSession {
  const found = sessions[index];
  if (found === undefined) throw new RangeError(`no session ${index}`);
  return found;
}

function tidier(limits: Partial<TidyLimits> = {}): PartsTidier {
  const log = { warn: (...what: unknown[]) => void warnings.push(what) };
  return new PartsTidier({ session: session(1), admin: session(2), log, limits: { tidyAfterS: 0, ...limits } });
}

async function insert(day: number, rows: number, parts = 1, more: { names: string; values: string } = NO_MORE) {
  for (let i = 0; i < parts; i++) {
    await table.run(
      `INSERT INTO events (retention_days, slice_day, tenant, message${more.names})
       SELECT 30, ${day}, 'acme', randomPrintableASCII(100)${more.values} FROM numbers(${rows})`,
    );
  }
}
const NO_MORE = { names: '', values: '' };

async function parts(day: number): Promise<unknown[]> {
  const rows = await table.run(
    `SELECT name FROM system.parts WHERE active AND table = 'events' AND partition_id = '30-${day}' ORDER BY name`,
  );
  return rows.map(([name]) => name);
}

/** Merges compute a column that no part has: row by row, as slowly as this. */
const SLOW = 'sleepEachRow(0.0005)';

/** Begins to merge the parts, which takes seconds; what it will answer. */
async function beginSlowMerge(tidying: PartsTidier): Promise<{ merged: Promise<number> }> {
  await insert(DAY, ROWS, PARTS);
  await table.run(`ALTER TABLE events ADD COLUMN slow UInt8 DEFAULT ${SLOW}`);
  const merged = tidying.tidy();
  await expect.poll(() => table.run('SELECT count() FROM system.merges')).toEqual([[1]]);
  return { merged };
}

test('a partition is tidied when it is quiet and small, and inserts left several parts that are a good share of it', () => {
  const untidy = { id: '', compact: PARTS, compactBytes: MAX_BYTES * SHARE, bytes: MAX_BYTES, quietS: QUIET_S };
  expect(isUntidy(untidy, STORE_LIMITS)).toBe(true);
  expect(isUntidy({ ...untidy, compact: PARTS - 1 }, STORE_LIMITS)).toBe(false);
  expect(isUntidy({ ...untidy, compactBytes: untidy.compactBytes - 1 }, STORE_LIMITS)).toBe(false);
  expect(isUntidy({ ...untidy, compactBytes: MAX_BYTES, bytes: MAX_BYTES + 1 }, STORE_LIMITS)).toBe(false);
  expect(isUntidy({ ...untidy, quietS: QUIET_S - 1 }, STORE_LIMITS)).toBe(false);
});

test('what inserts left becomes one part with the same events', async () => {
  await insert(DAY, 1, PARTS - 1);
  expect(await tidier().tidy()).toBe(0);
  await insert(DAY, 1);
  expect(await tidier().tidy()).toBe(1);
  expect(await parts(DAY)).toHaveLength(1);
  expect(await table.run('SELECT count() FROM events')).toEqual([[PARTS]]);
  expect(await tidier().tidy()).toBe(0);
});

test('a large part is not written again for the small ones beside it', async () => {
  await table.run('ALTER TABLE events MODIFY SETTING min_bytes_for_wide_part = 0');
  await insert(DAY, ROWS);
  await table.run('ALTER TABLE events MODIFY SETTING min_bytes_for_wide_part = 67108864');
  await insert(DAY, 1, PARTS);
  const before = await parts(DAY);
  expect(await tidier().tidy()).toBe(0);
  expect(await parts(DAY)).toEqual(before);
  // Until they are a good share of all, and all of it is not too much.
  await insert(DAY, ROWS / 2);
  expect(await tidier({ tidyBytes: 128 * 1024 }).tidy()).toBe(0);
  expect(await parts(DAY)).toHaveLength(PARTS + 2);
  expect(await tidier().tidy()).toBe(1);
  expect(await parts(DAY)).toHaveLength(1);
});

test('stopping ends a merge that is under way, and lets the engine merge again', async () => {
  const tidying = tidier();
  await insert(DAY + 1, 1, PARTS);
  const { merged } = await beginSlowMerge(tidying);
  await tidying.stop();
  expect(await merged).toBe(0);
  expect(await parts(DAY)).toHaveLength(PARTS);
  expect(await parts(DAY + 1)).toHaveLength(PARTS);
  expect(await tidying.tidy()).toBe(0);
  expect(warnings).toEqual([]);
  await table.run('ALTER TABLE events MODIFY COLUMN slow UInt8 DEFAULT 0');
  expect(await tidier().tidy()).toBe(2);
  expect(await table.run('SELECT count() FROM events')).toEqual([[PARTS * ROWS + PARTS]]);
});

test('a partition that is dropped while it is merged is gone, and no warning', async () => {
  const { merged } = await beginSlowMerge(tidier());
  await table.dropPartition({ kind: 30, start: DAY });
  expect(await merged).toBe(0);
  expect(await parts(DAY)).toEqual([]);
  expect(warnings).toEqual([]);
});

test('a partition that cannot be merged holds up no other, and is tried again when it has changed', async () => {
  await insert(DAY, 1, PARTS);
  await insert(DAY + 1, 1, PARTS);
  await table.run(`ALTER TABLE events ADD COLUMN broken UInt8 DEFAULT throwIf(slice_day = ${DAY}, 'broken')`);
  const tidying = tidier();
  expect(await tidying.tidy()).toBe(1);
  expect(await parts(DAY)).toHaveLength(PARTS);
  expect(await parts(DAY + 1)).toHaveLength(1);
  const broken = [
    expect.objectContaining({ partition: `30-${DAY}`, reason: expect.stringContaining('broken') }),
    expect.stringContaining('Small parts could not be merged'),
  ];
  expect(warnings).toEqual([broken]);
  expect(await tidying.tidy()).toBe(0);
  expect(warnings).toEqual([broken]);
  await insert(DAY, 1, 1, { names: ', broken', values: ', 0' });
  expect(await tidying.tidy()).toBe(0);
  expect(warnings).toEqual([broken, broken]);
  expect(await parts(DAY)).toHaveLength(PARTS + 1);
});
