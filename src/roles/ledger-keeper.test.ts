/** What a log that is shorter than what was counted of it means, and what is said of it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { offset } from '../queue/port.ts';
import { LedgerKeeper } from './ledger-keeper.ts';
import type { RoleContext } from './role-context.ts';

const AT = { topic: 'events', partition: 0 };
const COUNTED = 5;

let data: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'spillway-ledger-'));
  await mkdir(join(data, 'ledger'));
  await writeFile(join(data, 'ledger/store.ndjson'), `{"positions":{"events/0":${COUNTED}},"rows":[]}\n`);
});
afterEach(() => rm(data, { recursive: true, force: true }));

/** What is logged by a start that finds the log to end there, and its reader at 0. */
async function startWith(end: number): Promise<Record<string, readonly string[]>> {
  const said: Record<string, string[]> = { warn: [], info: [] };
  const reader = { ...AT, earliestOffset: async () => offset(0), endOffset: async () => offset(end), close: () => {} };
  const context = {
    role: 'store',
    config: { data },
    clock: systemClock,
    link: { send: () => {} },
    log: { warn: (text: string) => said.warn?.push(text), info: (text: string) => said.info?.push(text) },
    queue: { openReader: () => reader },
  } as unknown as RoleContext;
  const keeper = new LedgerKeeper(context);
  keeper.follow({ at: AT, count: () => [], end: async () => 0 });
  await keeper.start();
  await keeper.stop();
  return said;
}

it('nothing is wrong where only the reader was set back, as by a change of the search engine', async () => {
  expect(await startWith(COUNTED)).toEqual({ warn: [], info: [expect.stringContaining('set back')] });
});

it('it is warned of a log that ends before what was counted of it', async () => {
  const warn = [expect.stringContaining('ahead of the queue')];
  expect(await startWith(COUNTED - 1)).toEqual({ warn, info: [] });
});
