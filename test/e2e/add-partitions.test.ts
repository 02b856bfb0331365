/**
 * Partitions are added to a real Spillway under numbered load while its roles are killed. What must hold: every record of
 * `raw` is found exactly once, a search gives the lines of each connection in their order, the ledger balances, and what
 * was added stays after a restart. SPILLWAY_TEST_ADD_SECONDS makes it longer.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GroupsAnswer, TopicsAnswer } from '../../src/api/schemas/index.ts';
import { expectRawOnce, ledgerAtRest } from '../support/accounts.ts';
import { lacks } from '../support/needs.ts';
import { NumberedLoad } from '../support/numbered-load.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const SECONDS = Number(process.env.SPILLWAY_TEST_ADD_SECONDS ?? 8);
const FIRST = 2;
const STEPS = [4, 7] as const;
const LAST = 7;
const LINES_PER_SECOND = 4_000;
const CONNECTIONS = 12;
const STRIKES = [['processor'], ['collector', 'processor'], ['store'], ['collector', 'processor', 'store']] as const;

const config = { queue: { partitions: FIRST } };

const needs = { long: `it kills roles for ${SECONDS} s and waits until all is searchable` };

describe.skipIf(lacks('adding partitions', needs))(
  'partitions that are added under load, while roles are killed',
  () => {
    let spillway: SpillwayProcess;
    let load: NumberedLoad;
    let inRaw = 0;

    const partitions = async (topic: string): Promise<TopicsAnswer['topics'][number]['partitions']> => {
      const { topics } = await spillway.json<TopicsAnswer>('/api/topics');
      return topics.find((known) => known.topic === topic)?.partitions ?? [];
    };

    const add = (count: number) =>
      until(`${count} partitions are asked for`, () =>
        spillway.json('/api/topics/partitions', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ partitions: count }),
        }),
      );

    beforeAll(
      async () => {
        spillway = await SpillwayProcess.start({ config });
        load = new NumberedLoad(spillway.port('syslog TCP'), LINES_PER_SECOND, CONNECTIONS);
        load.start();
        const pause = () => new Promise((resolve) => setTimeout(resolve, (SECONDS * 1_000) / (2 * STRIKES.length)));
        const strikes = [...STRIKES];
        for (const count of STEPS) {
          await pause();
          await add(count);
          // At once, and again when some of the new ones may have been begun.
          for (const strike of strikes.splice(0, 2)) {
            await spillway.kill(...strike).catch(() => 0);
            await pause();
          }
        }
        await load.stop();
        inRaw = (await until('everything is searchable', () => ledgerAtRest(spillway), 120_000)).accepted;
      },
      SECONDS * 1_000 + 200_000,
    );

    afterAll(() => spillway?.dispose());

    test('are all used, by both groups', async () => {
      for (const topic of ['raw', 'events']) expect(await partitions(topic)).toHaveLength(LAST);
      const used = (await partitions('raw')).filter(({ endOffset }) => endOffset > 0);
      expect(used.filter(({ partition }) => partition >= FIRST).length).toBeGreaterThan(1);
      await until('each partition has its reader, who is at its end', async () => {
        const { groups } = await spillway.json<GroupsAnswer>('/api/groups');
        const read = groups.flatMap(({ partitions: known }) => known.filter(({ member, lag }) => member && lag === 0));
        return groups.length === 2 && read.length === 2 * LAST;
      });
    });

    test('and a search gives each line once, in the order of its connection', async () => {
      type Page = { readonly events: readonly { payload: { conn: number; line: number } }[]; readonly next?: string };
      const lines = new Map<number, number>();
      let found = 0;
      for (let after = ''; ; ) {
        const page = await spillway.json<Page>(
          `/api/search?q=app:numbered&from=now-1d&to=now%2B1d&order=asc&limit=1000${after && `&after=${after}`}`,
        );
        for (const { payload } of page.events) {
          expect(payload.line, `line of connection ${payload.conn}`).toBe(lines.get(payload.conn) ?? 0);
          lines.set(payload.conn, payload.line + 1);
          found++;
        }
        if (page.next === undefined) break;
        after = encodeURIComponent(page.next);
      }
      expect(found).toBe(inRaw);
      expect(found).toBeGreaterThan(SECONDS * 500);
      for (const [conn, count] of lines) expect(count).toBeLessThanOrEqual(load.sent[conn] ?? 0);
    }, 120_000);

    test('and are there after a restart, each record in its partition exactly once', async () => {
      expect(await spillway.stop()).toBe(0);
      const data = join(spillway.folder, 'data');
      expect(await expectRawOnce(data, LAST)).toBe(inRaw);
      const { folder } = spillway;
      spillway = await SpillwayProcess.start({ config, folder });
      await until('all partitions are open again', async () => (await partitions('events')).length === LAST);
    }, 120_000);
  },
);
