/**
 * The whole move of docs/scaling.md: from one machine with embedded engines to Kafka and OpenSearch, while events come.
 * What was acknowledged by the old installation or the new one is found once; nothing else is.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { AnsweredEvent } from '../../src/event/event.ts';
import { ledgerAtRest } from '../support/accounts.ts';
import { askDoctor, run } from '../support/doctor.ts';
import { lacksKafka, startKafka, type TestKafka } from '../support/kafka.ts';
import { lacks } from '../support/needs.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const SUITE = 'the move to Kafka and OpenSearch';
const LONG_MS = 180_000;
const BEFORE = 5_000;
const BATCH = 100;
const SPILLWAY = join(import.meta.dirname, '../../bin/spillway.mjs');
const node = process.env.SPILLWAY_TEST_OPENSEARCH ?? '';

const isMissing = [lacks(SUITE, { server: 'SPILLWAY_TEST_OPENSEARCH' }), lacksKafka(SUITE)].includes(true);

describe.skipIf(isMissing)(SUITE, { timeout: LONG_MS }, () => {
  const name = randomBytes(4).toString('hex');
  const search = {
    engine: 'opensearch',
    nodes: [node],
    index: { prefix: `move-${name}`, replicas: 0, refresh: '100ms' },
  };
  let kafka: TestKafka;
  let old: SpillwayProcess;
  let young: SpillwayProcess;
  let queue: Record<string, unknown>;
  /** Numbers of events that were acknowledged. */
  let sent = 0;

  beforeAll(async () => {
    kafka = await startKafka();
    const replicas = { replication: 1, minInsyncReplicas: 1, partitions: 2 };
    queue = { engine: 'kafka', brokers: kafka.brokers, prefix: `move-${name}.`, ...replicas };
  }, LONG_MS);
  afterAll(async () => {
    await young?.dispose();
    if (old !== undefined) await rm(old.folder, { recursive: true, force: true });
    await kafka?.stop();
    await fetch(`${node}/${search.index.prefix}-slice-*`, { method: 'DELETE' });
    await fetch(`${node}/_index_template/${search.index.prefix}*`, { method: 'DELETE' });
  }, LONG_MS);

  async function post(to: SpillwayProcess, events: number): Promise<void> {
    for (let left = events; left > 0; left -= BATCH) {
      const lines = Array.from({ length: BATCH }, (_, i) =>
        JSON.stringify({ message: `moved ${sent + i}`, n: sent + i }),
      );
      const headers = { 'content-type': 'application/x-ndjson' };
      const answer = await fetch(`${to.url}/api/logs?app=move&host=h${left % 7}`, {
        method: 'POST',
        body: lines.join('\n'),
        headers,
      });
      expect(await answer.json()).toMatchObject({ accepted: BATCH });
      sent += BATCH;
    }
  }

  const found = async (by: SpillwayProcess) =>
    (await by.json<{ count: number }>('/api/count?q=app:move&from=now-1d&to=now%2B1d')).count;
  /** Offsets are committed a moment after what they are about is found. */
  const readsAll = (by: SpillwayProcess) =>
    until('everything is committed', async () => {
      const { groups } = await by.json<{ groups: { partitions: { lag: number }[] }[] }>('/api/groups');
      return groups.flatMap(({ partitions }) => partitions).every(({ lag }) => lag === 0);
    });
  const finds = (by: SpillwayProcess) => until('all are found', async () => (await found(by)) === sent, 90_000);

  test('the search engine first: the new index is built of what the queue retains', async () => {
    old = await SpillwayProcess.start({ config: { site: 'old', queue: { partitions: 2 } } });
    await post(old, BEFORE);
    await finds(old);
    expect(await old.stop()).toBe(0);
    const again = async (engine: object) => {
      const config = { site: 'old', queue: { partitions: 2 }, ...engine };
      old = await SpillwayProcess.start({ config, folder: old.folder });
      await finds(old);
      await post(old, BATCH);
      await finds(old);
    };
    await again({ search });
    // Back, and there again: neither index lacks what came while the other one was in use.
    await old.stop();
    await again({});
    await old.stop();
    await again({ search });
    await until('the ledger is at rest', () => ledgerAtRest(old), 60_000);
    // Nothing was wrong.
    expect(await readFile(join(old.folder, 'spillway.log'), 'utf8')).not.toContain('ahead of the queue');
  });

  test('then the queue: a second installation beside the first, with a site of its own, on the same index', async () => {
    young = await SpillwayProcess.start({ config: { site: 'new', queue, search } });
    await finds(young);
    // Senders move one by one: for a while both are sent to.
    for (let i = 0; i < 10; i++) {
      await post(old, BATCH);
      await post(young, BATCH);
    }
    await finds(young);
    await finds(old);
  });

  test('what the old one had not read when it ended is refused to be left, drained, and found', async () => {
    await readsAll(old);
    // The last that it acknowledges is read by nobody, and then its power is gone.
    const roles = await old.roles();
    const pidOf = (of: string) => roles.find(({ role }) => role === of)?.pid ?? 0;
    process.kill(pidOf('processor'), 'SIGSTOP');
    await post(old, 10 * BATCH);
    const pids = roles.flatMap(({ pid }) => pid ?? []);
    for (const pid of [old.child.pid ?? 0, ...pids]) process.kill(pid, 'SIGKILL');
    await old.ended();
    await post(young, 10 * BATCH);
    const data = join(old.folder, 'data');
    const start = async (verb: string, config: object) => {
      const file = join(old.folder, `${verb}.yaml`);
      const all = { site: 'old', data, http: { port: 0 }, inputs: { syslog: [{ port: 0 }] }, ...config };
      await writeFile(file, JSON.stringify(all));
      return run([process.execPath, SPILLWAY, verb, '--config', file]);
    };
    const lost = `${(10 * BATCH).toLocaleString('en')} records of raw have not been read by the processor`;
    const changed = await start('start', { queue, search });
    expect(changed).toMatchObject({ status: 1, text: expect.stringContaining('QUEUE_CHANGED') });
    expect(changed.text).toContain(lost);
    const config = { site: 'old', queue: { partitions: 2 }, search };
    expect((await askDoctor({ data, config })).of('queue-folder')).toMatchObject([{ state: 'warning', found: lost }]);
    const drained = await start('drain', { queue: { partitions: 2, highWater: '100%', minFree: '0B' }, search });
    expect(drained, drained.text).toMatchObject({ status: 0 });
    expect((await askDoctor({ data, config })).of('queue-folder')).toMatchObject([{ state: 'well' }]);
    await finds(young);
  });

  test('every acknowledged event is there once, and the ledger of the new one balances', async () => {
    const times = new Map<number, number>();
    const ids = new Set<string>();
    for (let after = ''; ; ) {
      const path = `/api/search?q=app:move&from=now-1d&to=now%2B1d&limit=1000${after}`;
      const { events, next } = await young.json<{ events: AnsweredEvent[]; next?: string }>(path);
      for (const { id, payload } of events) {
        const n = Number(Object(payload).n);
        times.set(n, (times.get(n) ?? 0) + 1);
        ids.add(id);
      }
      if (next === undefined) break;
      after = `&after=${encodeURIComponent(next)}`;
    }
    expect([...times.values()].filter((count) => count !== 1)).toEqual([]);
    expect(times.size).toBe(sent);
    expect(ids.size).toBe(sent);
    await readsAll(young);
    await vi.waitFor(async () => {
      const { total } = await young.json<{ total: object }>('/api/ledger?from=now-1d&to=now%2B1d');
      expect(total).toMatchObject({ accepted: 20 * BATCH, written: 20 * BATCH, deadLettered: 0 });
    });
  });

  test('a folder of the new one is not started on topics that were made anew', async () => {
    expect(await young.stop()).toBe(0);
    const other = { ...queue, prefix: `move-${name}-other.` };
    await expect(
      SpillwayProcess.start({ config: { site: 'new', queue: other, search }, folder: young.folder }),
    ).rejects.toThrow(/QUEUE_CHANGED/);
  });
});
