/**
 * The end test: real and generated traffic through all roles while they are killed at random. What must hold: every
 * record of `raw` is found exactly once, in the order of its source, each connection arrived as a prefix, and the
 * ledger balances. SPILLWAY_TEST_END_SECONDS makes it longer (600 by hand); SPILLWAY_TEST_SEED repeats the kills.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LedgerCounts } from '../../src/monitor/ledger/ledger.ts';
import { expectRawOnce, ledgerAtRest } from '../support/accounts.ts';
import { lacks } from '../support/needs.ts';
import { type Senders, startNginxThroughRsyslog } from '../support/nginx-rsyslog.ts';
import { NumberedLoad } from '../support/numbered-load.ts';
import { seededRandom } from '../support/seeded.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';
import { selectStored } from '../support/stored-events.ts';

const SECONDS = Number(process.env.SPILLWAY_TEST_END_SECONDS ?? 60);
const NGINX_PER_SECOND = 10_000;
const GENERATED_PER_SECOND = 20_000;
const PARTITIONS = 4;
const KILL_EVERY_MS = 2_500;
const ROLES = ['collector', 'processor', 'store'] as const;
/** What one strike hits: a role, or all of them at once. */
const STRIKES = [...ROLES.map((role) => [role] as const), ROLES] as const;

const needs = {
  programs: { nginx: 'nginx-light', wrk: 'wrk', rsyslogd: 'rsyslog' },
  long: `it takes ${SECONDS} s and more`,
  alone: 'the load is what the machine can take',
};

describe.skipIf(lacks('the end test', needs))('under kills at random', () => {
  let spillway: SpillwayProcess;
  let senders: Senders;
  let requests = 0;
  let kills = 0;
  let load: NumberedLoad;
  let total: LedgerCounts;

  beforeAll(
    async () => {
      spillway = await SpillwayProcess.start({ config: { queue: { partitions: PARTITIONS } } });
      senders = await startNginxThroughRsyslog(spillway.port('syslog TCP'));
      load = new NumberedLoad(spillway.port('syslog TCP'), GENERATED_PER_SECOND, 4);
      load.start();
      const driving = senders.drive(SECONDS, NGINX_PER_SECOND);
      kills = await killAtRandom(spillway, driving);
      requests = await driving;
      await load.stop();
      total = await until('everything accepted is accounted for', () => ledgerAtRest(spillway), 300_000);
      await senders.stop();
      total = await until('and nothing comes any more', () => ledgerAtRest(spillway));
      expect(await spillway.stop()).toBe(0);
    },
    SECONDS * 1000 + 480_000,
  );

  afterAll(() => spillway?.dispose());

  test('roles were killed while traffic went on', () => {
    console.info(`${kills} kills, ${requests} requests to nginx, ${total.accepted} records accepted`);
    expect(kills).toBeGreaterThanOrEqual(SECONDS / 6);
    expect(total.accepted).toBeGreaterThan(SECONDS * 5_000);
  });

  test('every record of raw is found exactly once, and the ledger says so', async () => {
    const data = join(spillway.folder, 'data');
    const inRaw = await expectRawOnce(data, PARTITIONS);
    expect(total).toMatchObject({ accepted: inRaw, written: inRaw, dropped: 0, deadLettered: 0, inFlight: 0 });

    const [order = []] = await selectStored(data, [
      `SELECT conn, count(), uniqExact(line), max(line) + 1, countIf(line != place) FROM (
         SELECT conn, line, row_number() OVER (PARTITION BY conn ORDER BY id_offset) - 1 AS place FROM (
           SELECT payload.conn.:Float64 AS conn, payload.line.:Float64 AS line, id_offset
           FROM events WHERE toString(metadata.app) = 'numbered'))
       GROUP BY conn ORDER BY conn`,
    ]);
    expect(order.length).toBeGreaterThan(3);
    for (const [conn, count, distinct, end, misplaced] of order.map((row) => row.map(Number))) {
      expect({ conn, distinct, end, misplaced }).toEqual({ conn, distinct: count, end: count, misplaced: 0 });
      expect(count).toBeLessThanOrEqual(load.sent[conn ?? -1] ?? 0);
    }
  }, 120_000);
});

async function killAtRandom(spillway: SpillwayProcess, until: Promise<unknown>): Promise<number> {
  const random = seededRandom();
  let kills = 0;
  let over = false;
  const end = until.then(() => {
    over = true;
  });
  for (;;) {
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, KILL_EVERY_MS * (0.5 + random.next())))]);
    if (over) return kills;
    const strike = random.pick(STRIKES);
    // The collector may itself be away: then there is nobody to ask for process ids, and the next turn tries again.
    kills += await spillway.kill(...strike).catch(() => 0);
  }
}
