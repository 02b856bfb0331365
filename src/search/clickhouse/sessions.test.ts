import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SqlBinder } from './binder.ts';
import { type EngineSession, openSessions } from './sessions.ts';

const ROUNDS = 10;
const KILL_EVERY_MS = 5;

let folder: string;
let session: EngineSession;
let admin: EngineSession;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-sessions-'));
  const open = await openSessions(folder);
  session = await open();
  admin = await open();
});

afterAll(async () => {
  session?.close();
  admin?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a statement with much output and kills it while that grows; true where it was killed. */
async function killed(mark: string): Promise<boolean> {
  const kill = setInterval(() => {
    const binder = new SqlBinder();
    void admin
      .run(`KILL QUERY WHERE Settings['log_comment'] = ${binder.bind('String', mark)} ASYNC`, binder)
      .catch(() => {});
  }, KILL_EVERY_MS);
  try {
    await session.run('SELECT number, toString(number) FROM numbers(3000000)', new SqlBinder(), {
      settings: { log_comment: mark, max_block_size: 1_000 },
    });
    return false;
  } catch {
    return true;
  } finally {
    clearInterval(kill);
  }
}

test('the partial output of a killed statement does not stand before the next answer', async () => {
  let kills = 0;
  for (let round = 0; round < ROUNDS; round++) {
    if (await killed(`round ${round}`)) kills++;
    expect(await session.run('SELECT 42')).toEqual([[42]]);
  }
  expect(kills).toBeGreaterThan(0);
});

test('a statement that fails leaves nothing behind either', async () => {
  await expect(session.run('SELECT throwIf(number = 70000) FROM numbers(100000)')).rejects.toThrow();
  expect(await session.run('SELECT 42')).toEqual([[42]]);
});
