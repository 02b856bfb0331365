/**
 * An outage of the store: it stands still (SIGSTOP), which is worse than being dead, because everything that speaks to it
 * waits for it. SPILLWAY_TEST_OUTAGE_EVENTS says how many events come meanwhile (1,000,000; 20000000 by hand).
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GroupsAnswer, TopicsAnswer } from '../../src/api/schemas/index.ts';
import { ledgerAtRest } from '../support/accounts.ts';
import { lacks } from '../support/needs.ts';
import { sendNumbered } from '../support/send-numbered.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';
import { selectStored } from '../support/stored-events.ts';

const EVENTS = Number(process.env.SPILLWAY_TEST_OUTAGE_EVENTS ?? 1_000_000);
const CONNECTIONS = 4;
/** Before the outage, to compare with. */
const BEFORE = Math.min(EVENTS / 2, 500_000);
const LONG_MS = 60_000 + EVENTS / 5;
const MiB = 1024 ** 2;
/** Buffers of three processes at full speed, however long it lasts. */
const MOST_MIB = 768;
/** What the machine's other work may take of a rate before a test fails. */
const TOLERANCE = 0.6;

interface Phase {
  /** Events accepted a second: durable in `raw`. */
  readonly rate: number;
  /** What supervisor, collector and processor took together, over its time. */
  readonly memoryMiB: readonly number[];
}

const ALONE = { alone: 'its rates are compared' };

describe.skipIf(lacks('an outage of the store', { ...ALONE, long: `it sends ${EVENTS} events` }))(
  'an outage of the store',
  () => {
    let spillway: SpillwayProcess;
    let storePid: number;
    let before: Phase;
    let during: Phase;
    /** Events a second from the socket to the index, before. */
    let usualRate: number;
    /** MiB of collector, processor and supervisor when all was accepted and processed. */
    let afterIt: readonly number[];
    /** Times (epoch ms) at which so many records had been received. */
    const received: { readonly atMs: number; readonly records: number }[] = [];

    beforeAll(async () => {
      spillway = await SpillwayProcess.start();
      storePid = (await spillway.roles()).find(({ role }) => role === 'store')?.pid ?? 0;
      const beganMs = performance.now();
      before = await send(0, BEFORE);
      await until('the store has it', () => caughtUp('store'), LONG_MS);
      usualRate = BEFORE / seconds(beganMs);
      process.kill(storePid, 'SIGSTOP');
      during = await send(CONNECTIONS, EVENTS);
      await until('the processor has it', () => caughtUp('processor'), LONG_MS);
      afterIt = (await watched(spillway)).map((pid) => Math.round(pssMiB(pid)));
      console.info(
        `accepted ${show(before)} before and ${show(during)} during the outage; ${Math.round(usualRate)}/s to the index; then ${afterIt.join(' + ')} MiB`,
      );
    }, 3 * LONG_MS);

    afterAll(async () => {
      try {
        process.kill(storePid, 'SIGCONT');
      } catch {
        // It is gone already.
      }
      await spillway?.dispose();
    });

    /** Sends, and waits until it is accepted. */
    async function send(firstConnection: number, events: number): Promise<Phase> {
      const already = await recordsInRaw(spillway);
      const pids = await watched(spillway);
      const memoryMiB: number[] = [];
      const beganMs = performance.now();
      const sending = sendNumbered({
        port: spillway.port('syslog TCP'),
        firstConnection,
        connections: CONNECTIONS,
        linesPerConnection: events / CONNECTIONS,
      });
      await until(
        'it is accepted',
        async () => {
          const records = await recordsInRaw(spillway);
          received.push({ atMs: Date.now(), records });
          memoryMiB.push(sum(pids.map(pssMiB)));
          return records === already + events;
        },
        LONG_MS,
      );
      const rate = events / seconds(beganMs);
      await sending;
      return { rate, memoryMiB };
    }

    const caughtUp = async (name: string) => {
      const { groups } = await spillway.json<GroupsAnswer>('/api/groups');
      const group = groups.find(({ group }) => group === name);
      return group?.partitions.every(({ lag }) => lag === 0);
    };

    test('does not slow down what is accepted', () => {
      expect(during.rate).toBeGreaterThan(before.rate * TOLERANCE);
    });

    test('takes no memory: what waits is on the disk', () => {
      // Accepting more a second takes more buffers; what a longer outage takes is in the growth over its time.
      const half = Math.ceil(during.memoryMiB.length / 2);
      const [firstHalf, secondHalf] = [during.memoryMiB.slice(0, half), during.memoryMiB.slice(half)];
      expect(Math.max(...secondHalf)).toBeLessThan(Math.max(...firstHalf) + 160);
      expect(Math.max(...during.memoryMiB)).toBeLessThan(MOST_MIB);
      expect(sum(afterIt)).toBeLessThan(MOST_MIB);
    });

    test(
      'is over at full speed, and says honestly how far it is',
      async () => {
        const outageEndedMs = Date.now();
        process.kill(storePid, 'SIGCONT');
        const beganMs = performance.now();
        const marker = post(spillway, 'sent when the store came back');
        let completeToMs = 0;
        let answers = 0;
        await until(
          'the store has caught up',
          async () => {
            const lagBefore = await caughtUp('store');
            const { count, completeTo } = await counted(spillway, 'app:numbered');
            expect(completeTo).toBeGreaterThanOrEqual(completeToMs);
            completeToMs = completeTo;
            // Everything that had been received by then must have been counted.
            const owed = received.findLast(({ atMs }) => atMs <= completeTo)?.records ?? 0;
            expect(count).toBeGreaterThanOrEqual(owed);
            answers++;
            return lagBefore;
          },
          LONG_MS,
        );
        const rate = EVENTS / seconds(beganMs);
        await marker;
        await until('what came after it is found', async () => (await counted(spillway, 'app:marker')).count === 1);
        console.info(
          `caught up at ${Math.round(rate)}/s in ${seconds(beganMs).toFixed(1)} s; ${answers} answers were checked`,
        );
        expect(rate).toBeGreaterThan(usualRate * TOLERANCE);
        await until('it is complete to the end of the outage', async () => {
          return (await counted(spillway, '*')).completeTo > outageEndedMs;
        });
      },
      2 * LONG_MS,
    );

    test(
      'has lost nothing and doubled nothing, and the ledger says so',
      async () => {
        const total = await until('all is accounted for', () => ledgerAtRest(spillway));
        const all = BEFORE + EVENTS + 1;
        expect(total).toMatchObject({ accepted: all, written: all, dropped: 0, deadLettered: 0 });
        // A store that stood still for longer than a session is no member of its group any more: it starts again.
        const others = (await spillway.roles()).filter(({ role }) => role !== 'store');
        expect(others.map(({ restarts }) => restarts)).toEqual([0, 0]);
        expect(await spillway.stop()).toBe(0);
        const [rows = []] = await selectStored(join(spillway.folder, 'data'), [
          `SELECT payload.conn.:Float64 AS conn, count(), uniqExact(payload.line.:Float64), max(payload.line.:Float64) + 1
       FROM events WHERE toString(metadata.app) = 'numbered' GROUP BY conn ORDER BY conn`,
        ]);
        const expected = Array.from({ length: 2 * CONNECTIONS }, (_, conn) => {
          const lines = (conn < CONNECTIONS ? BEFORE : EVENTS) / CONNECTIONS;
          return [conn, lines, lines, lines];
        });
        expect(rows.map((row) => row.map(Number))).toEqual(expected);
      },
      2 * LONG_MS,
    );
  },
);

const seconds = (sinceMs: number): number => (performance.now() - sinceMs) / 1_000;
const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
const show = ({ rate, memoryMiB }: Phase): string => {
  const quarters = [0.25, 0.5, 0.75, 1].map((share) => memoryMiB[Math.ceil(memoryMiB.length * share) - 1] ?? 0);
  return `${Math.round(rate)}/s in ${quarters.map(Math.round).join(', ')} MiB`;
};

async function recordsInRaw(spillway: SpillwayProcess): Promise<number> {
  const { topics } = await spillway.json<TopicsAnswer>('/api/topics');
  return sum(topics.find(({ topic }) => topic === 'raw')?.partitions.map(({ endOffset }) => endOffset) ?? []);
}

async function counted(spillway: SpillwayProcess, q: string): Promise<{ count: number; completeTo: number }> {
  const path = `/api/count?q=${encodeURIComponent(q)}&from=now-1h&to=now%2B1h`;
  const { count, completeTo } = await spillway.json<{ count: number; completeTo: string }>(path);
  return { count, completeTo: Date.parse(completeTo) };
}

async function post(spillway: SpillwayProcess, message: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ message, app: 'marker' });
  await spillway.json('/api/logs', { method: 'POST', headers, body });
}

/** Everything but the store. */
async function watched(spillway: SpillwayProcess): Promise<readonly number[]> {
  const roles = (await spillway.roles()).flatMap(({ role, pid }) => (role === 'store' || pid === null ? [] : [pid]));
  const status = await readFile(`/proc/${roles[0]}/status`, 'utf8');
  return [...roles, Number(/^PPid:\s+(\d+)/m.exec(status)?.[1])];
}

function pssMiB(pid: number): number {
  return (Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) * 1_024) / MiB;
}
