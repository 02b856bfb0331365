/**
 * A noisy tenant's backlog and a small tenant's events, through a real Spillway. The window of lanes is as small as may be,
 * so that the backlog lasts on any machine: no more than a window of it goes to the store with each insert. What must hold:
 * what the small one sends after all of that is found while it still waits; roles may be killed meanwhile; and then every
 * record is there once, each connection's in their order, and the ledger adds up.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GroupsAnswer, LedgerReport } from '../../src/api/schemas/index.ts';
import { lacksKafka, startKafka, type TestKafka } from '../support/kafka.ts';
import { freePort } from '../support/ports.ts';
import { sendNumbered } from '../support/send-numbered.ts';
import { type RoleInfo, SpillwayProcess, until } from '../support/spillway.ts';
import { selectStored } from '../support/stored-events.ts';

type Strike = readonly RoleInfo['role'][];

const PARTITIONS = 2;
const CONNECTIONS = 4;
const LINES = 200_000 / CONNECTIONS;
const SMALL_EVENTS = 5;
const STRIKES: readonly Strike[] = [['processor'], ['store'], ['collector', 'processor', 'store']];
/** Kafka waits 45 s for members that went without a word. */
const STRIKES_ON_KAFKA: readonly Strike[] = [['processor', 'store']];
const WAIT_MS = 120_000;

/** `openQueue`: the section `queue` of the configuration; `strikes`: which roles are killed together, one after another. */
function suite(openQueue: () => Promise<Readonly<Record<string, unknown>>>, strikes: readonly Strike[]): void {
  let queue: Readonly<Record<string, unknown>>;
  let spillway: SpillwayProcess;
  let syslog: readonly { readonly port: number; readonly tenant: string }[];
  let small = 0;

  const configWith = (laneWindow: number) => ({
    queue: { ...queue, partitions: PARTITIONS },
    inputs: { syslog },
    processor: { laneWindow },
  });

  const accounts = async (): Promise<Map<string | undefined, LedgerReport['lines'][number]>> => {
    const { lines } = await spillway.json<LedgerReport>('/api/ledger?from=now-1d&to=now%2B1d&by=tenant');
    return new Map(lines.map((line) => [line.tenant, line]));
  };
  const waitingOfNoisy = async (): Promise<number> => (await accounts()).get('noisy')?.inFlight ?? 0;
  const metrics = async (): Promise<string> => (await fetch(`${spillway.url}/metrics`)).text();

  /** Resolves when a search finds it. */
  async function smallEvent(): Promise<void> {
    const word = `little${small++}x`;
    const socket = connect(spillway.port('syslog TCP'), '127.0.0.1');
    socket.end(`<13>1 ${new Date().toISOString()} shop app - - - ${word}\n`);
    await once(socket, 'close');
    await until(
      `${word} is found`,
      async () => (await spillway.json<{ count: number }>(`/api/count?q=${word}`)).count === 1,
      WAIT_MS,
    );
  }

  beforeAll(async () => {
    queue = await openQueue();
    syslog = [
      { port: await freePort(), tenant: 'default' },
      { port: await freePort(), tenant: 'noisy' },
    ];
    spillway = await SpillwayProcess.start({ config: configWith(1_000) });
    // A tenant is one of several when it has sent something.
    await smallEvent();
    const port = syslog[1]?.port ?? 0;
    await sendNumbered({ port, firstConnection: 0, connections: CONNECTIONS, linesPerConnection: LINES });
    await until(
      'the burst is accepted',
      async () => (await accounts()).get('noisy')?.accepted === CONNECTIONS * LINES,
      WAIT_MS,
    );
  }, 2 * WAIT_MS);

  afterAll(() => spillway?.dispose());

  test('is found while what the other sent before still waits', { timeout: WAIT_MS }, async () => {
    for (let i = 0; i < SMALL_EVENTS; i++) {
      await smallEvent();
      expect(await waitingOfNoisy()).toBeGreaterThan(0);
    }
    const text = await until('the lanes are shown', async () => {
      const shown = await metrics();
      return shown.includes('tenant="noisy"') && shown;
    });
    expect(text).toMatch(/spillway_process_lane_records\{partition="\d",tenant="noisy"[^}]*\} [1-9]/);
    expect(text).toMatch(/spillway_process_lane_moves_total\{partition="\d",to="own"[^}]*\} [1-9]/);
    expect(text).not.toContain('tenant="default"');
  });

  test('and also when roles are killed meanwhile', { timeout: 4 * WAIT_MS }, async () => {
    expect(await waitingOfNoisy()).toBeGreaterThan(0);
    for (const strike of strikes) {
      await spillway.kill(...strike);
      await until(
        'the roles are back',
        async () => (await spillway.roles()).every(({ state }) => state === 'ready'),
        WAIT_MS,
      );
      await smallEvent();
    }
  });

  test('and then everything is there, once and in its order', { timeout: 3 * WAIT_MS }, async () => {
    const { folder } = spillway;
    expect(await spillway.stop()).toBe(0);
    spillway = await SpillwayProcess.start({ config: configWith(1_000_000), folder });
    await until(
      'everything is searchable',
      async () => {
        const { groups } = await spillway.json<GroupsAnswer>('/api/groups');
        const isRead = groups.every(({ partitions }) => partitions.every(({ lag }) => lag === 0));
        const lines = [...(await accounts()).values()];
        return isRead && lines.every(({ inFlight, accepted, written }) => inFlight === 0 && accepted === written);
      },
      WAIT_MS,
    );
    const known = await accounts();
    expect(known.get('noisy')?.accepted).toBe(CONNECTIONS * LINES);
    expect(known.get('default')?.accepted).toBe(small);
    expect(await metrics()).not.toContain('spillway_process_lane_records{');
    expect(await spillway.stop()).toBe(0);
    const inOrder = `SELECT payload.conn.:Float64 AS conn, payload.line.:Float64 AS line,
      row_number() OVER (PARTITION BY conn ORDER BY queue_offset) - 1 AS place FROM events WHERE tenant = 'noisy'`;
    const answers = await selectStored(join(folder, 'data'), [
      'SELECT count(), uniqExact(id_partition, id_offset, id_index) FROM events',
      `SELECT count(), uniqExact(conn), countIf(line != place) FROM (${inOrder})`,
    ]);
    const all = CONNECTIONS * LINES + small;
    expect(answers.map((rows) => rows.map((row) => row.map(Number)))).toEqual([
      [[all, all]],
      [[CONNECTIONS * LINES, CONNECTIONS, 0]],
    ]);
  });
}

describe('a small tenant beside a noisy one', () => suite(async () => ({}), STRIKES));

describe.skipIf(lacksKafka('a noisy tenant on Kafka'))('a small tenant beside a noisy one on Kafka', () => {
  let kafka: TestKafka | undefined;
  // After the suite's own, which ends what uses it.
  afterAll(async () => kafka?.stop());
  suite(async () => {
    kafka = await startKafka();
    const prefix = `noisy-${randomBytes(4).toString('hex')}.`;
    return { engine: 'kafka', brokers: kafka.brokers, prefix, replication: 1, minInsyncReplicas: 1 };
  }, STRIKES_ON_KAFKA);
});
