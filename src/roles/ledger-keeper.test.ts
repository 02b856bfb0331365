/** What a log that is shorter than what was counted of it means, and what is said of it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { minuteOf } from '../monitor/ledger/ledger.ts';
import { offset, type TopicPartition } from '../queue/port.ts';
import { LedgerKeeper } from './ledger-keeper.ts';
import type { FromRole } from './messages.ts';
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

/** A role whose logs end there, one record a batch. */
function contextOf(end: number, more: Partial<RoleContext>): RoleContext {
  const batch = (nextOffset: number) => ({ bytes: Buffer.of(nextOffset), nextOffset: offset(nextOffset) });
  const reader = {
    earliestOffset: async () => offset(0),
    endOffset: async () => offset(end),
    read: async (from: number) => ({ batches: [batch(from + 1)], nextOffset: offset(from + 1) }),
    close: () => {},
  };
  const link = { send: () => {} };
  const log = { warn: () => {}, info: () => {} };
  const queue = { openReader: (at: TopicPartition) => ({ ...reader, ...at }) };
  return { role: 'store', config: { data }, clock: systemClock, link, log, queue, ...more } as unknown as RoleContext;
}

/** What is logged by a start that finds the log to end there, and its reader at 0. */
async function startWith(end: number): Promise<Record<string, readonly string[]>> {
  const said: Record<string, string[]> = { warn: [], info: [] };
  const log = { warn: (text: string) => said.warn?.push(text), info: (text: string) => said.info?.push(text) };
  const keeper = new LedgerKeeper(contextOf(end, { log: log as unknown as RoleContext['log'] }));
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

it('it is warned also where the reader of another log was merely set back', async () => {
  const warned: string[] = [];
  const log = { warn: (text: string) => warned.push(text), info: () => {} } as unknown as RoleContext['log'];
  await writeFile(join(data, 'ledger/store.ndjson'), '{"positions":{"events/0":2,"events/1":5},"rows":[]}\n');
  const keeper = new LedgerKeeper(contextOf(3, { log }));
  keeper.follow({ at: AT, count: () => [], end: async () => 0 });
  keeper.follow({ at: { ...AT, partition: 1 }, count: () => [], end: async () => 3 });
  await keeper.start();
  await keeper.stop();
  expect(warned).toEqual([expect.stringContaining('ahead of the queue')]);
});

/** What the supervisor has been told is written, by partition. */
function supervisor() {
  const written = new Map<number, number>();
  const send = (message: FromRole) => {
    if (message.kind === 'ledger') for (const { partition, count } of message.rows) written.set(partition, count);
  };
  return { written, link: { send } as unknown as RoleContext['link'] };
}

const oneWritten = ({ partition }: TopicPartition) =>
  [{ partition, tenant: 'default', minute: minuteOf(systemClock.now()), column: 'written', count: 1 }] as const;

it('what lies before a report of a log that is followed only later is counted too, each record once', async () => {
  const { written, link } = supervisor();
  const keeper = new LedgerKeeper(contextOf(COUNTED + 3, { link }));
  const rows = oneWritten(AT);
  await keeper.start();
  // Of an insert that the last process began, and that a slice held up: two records before it have not been counted.
  keeper.add(AT, { nextOffset: offset(COUNTED + 3) }, rows);
  keeper.follow({ at: AT, count: () => rows, end: async () => COUNTED + 3 });
  keeper.add(AT, { nextOffset: offset(COUNTED + 4) }, rows);
  await keeper.stop();
  expect(written.get(0)).toBe(4);
});

it('a log that is followed while all others are counted again is counted whole', async () => {
  const { written, link } = supervisor();
  const keeper = new LedgerKeeper(contextOf(COUNTED, { link }));
  const other = { topic: 'events', partition: 1 };
  const rows = oneWritten(other);
  let times = 0;
  const end = async () => {
    // The first time says that the reader was set back.
    if (++times === 2) {
      keeper.follow({ at: other, count: () => rows });
      keeper.add(other, { nextOffset: offset(COUNTED) }, rows);
    }
    return 0;
  };
  keeper.follow({ at: AT, count: () => [], end });
  await keeper.start();
  await keeper.stop();
  expect(written.get(1)).toBe(COUNTED);
});
