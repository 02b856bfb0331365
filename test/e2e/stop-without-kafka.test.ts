/** A whole Spillway that is told to stop while its Kafka does not answer: it drains what it can and ends by itself, in time. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { down, status, up } from '../../tools/engines/lifecycle.ts';
import { ledgerAtRest } from '../support/accounts.ts';
import { AcknowledgedLoad } from '../support/acknowledged-load.ts';
import { lacksKafka, startKafka } from '../support/kafka.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';
import { selectStored } from '../support/stored-events.ts';

const LONG_MS = 240_000;
/** As docs/operations.md promises. */
const STOP_MS = 10_000;
const EVENTS_PER_REQUEST = 5;
const SENDERS = 4;
const PARTITIONS = 2;

const suite = 'a stop while Kafka is away';
describe.skipIf(lacksKafka(suite, { own: true }))(suite, () => {
  let kafka: Awaited<ReturnType<typeof startKafka>>;
  let spillway: SpillwayProcess | undefined;
  let load: AcknowledgedLoad | undefined;
  beforeAll(async () => {
    kafka = await startKafka({ own: true });
  }, LONG_MS);
  afterEach(async () => {
    load?.abandon();
    await spillway?.dispose();
  }, LONG_MS);
  afterAll(() => kafka?.stop(), LONG_MS);

  const signalKafka = async (signal: 'SIGSTOP' | 'SIGCONT') => {
    process.kill((await status('kafka', kafka.data))[0]?.pid ?? 0, signal);
  };
  const ways = {
    // Its connections stay, and nothing on them is answered.
    paused: [() => signalKafka('SIGSTOP'), () => signalKafka('SIGCONT')],
    stopped: [() => down('kafka', { data: kafka.data }), () => up('kafka', { data: kafka.data })],
  } as const;

  it.each(['paused', 'stopped'] as const)(
    'exits 0 within ten seconds while its broker is %s, under load, and all that it acknowledged is found',
    async (way) => {
      const [away, back] = ways[way];
      const queue = {
        engine: 'kafka',
        brokers: kafka.brokers,
        replication: 1,
        minInsyncReplicas: 1,
        partitions: PARTITIONS,
      };
      const config = { queue: { ...queue, prefix: `${way}.` } };
      const tree = await SpillwayProcess.start({ config });
      spillway = tree;
      const sending = new AcknowledgedLoad({
        url: () => tree.url,
        eventsPerRequest: EVENTS_PER_REQUEST,
        concurrent: SENDERS,
      });
      load = sending;
      sending.start();
      // By then all roles have appended, committed and reported.
      await until('events are counted and found', async () => {
        const { total } = await tree.json<{ total: { written: number } }>('/api/ledger?from=now-1d&to=now%2B1d');
        return total.written > 50;
      });
      await away();
      try {
        if (way === 'stopped') {
          await until('it keeps what comes on its own disk', async () => {
            const { reasons } = await tree.json<{ reasons?: string[] }>('/health/ready');
            return /kept on this machine's disk/.test(reasons?.join() ?? '');
          });
        }
        const beganMs = performance.now();
        const code = await tree.stop();
        const tookMs = performance.now() - beganMs;
        expect(await readFile(join(tree.folder, 'spillway.log'), 'utf8')).not.toContain('was killed');
        expect([code, tookMs < STOP_MS], `it took ${Math.round(tookMs)} ms`).toEqual([0, true]);
      } finally {
        await back();
      }
      sending.abandon();
      spillway = await SpillwayProcess.start({ config, folder: tree.folder });
      const again = spillway;
      await until('the ledger is at rest', () => ledgerAtRest(again), 120_000);
      expect(await again.stop()).toBe(0);
      const { acknowledged } = sending;
      expect(acknowledged.size).toBeGreaterThan(10);
      const times = await timesFound(join(again.folder, 'data'));
      const expected = [...acknowledged].flatMap((request) => AcknowledgedLoad.numbersOf(request, EVENTS_PER_REQUEST));
      expect(expected.filter((number) => !times.has(number))).toEqual([]);
      // Only what was under way when Kafka went may be there twice: it was taken, and nobody could say so.
      const repeated = [...times.values()].filter((count) => count !== 1);
      expect(repeated.filter((count) => count !== 2)).toEqual([]);
      expect(repeated.length).toBeLessThanOrEqual(SENDERS * PARTITIONS * EVENTS_PER_REQUEST);
    },
    LONG_MS,
  );
});

/** By the number of the event. */
async function timesFound(dataFolder: string): Promise<Map<number, number>> {
  const [rows = []] = await selectStored(dataFolder, [
    "SELECT payload.number.:Float64 AS number, count() FROM events WHERE toString(metadata.app) = 'oracle' GROUP BY number",
  ]);
  return new Map(rows.map(([number, count]) => [Number(number), Number(count)]));
}
