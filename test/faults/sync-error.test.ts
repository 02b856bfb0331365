/** A disk that fails one sync of a running collector: `strace` lets one fdatasync of it fail with EIO. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HealthAnswer } from '../../src/api/schemas/account.ts';
import { expectOnce, ledgerAtRest } from '../support/accounts.ts';
import { AcknowledgedLoad } from '../support/acknowledged-load.ts';
import { findProgram, lacks } from '../support/needs.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const EVENTS = 20;
const LONG_MS = 120_000;
/** Attaching takes a moment on a busy machine; a thread that syncs at all does it many times in this. */
const THREAD_MS = 8_000;

describe.skipIf(
  lacks('a sync that fails in a running Spillway', {
    programs: { strace: 'strace' },
    root: true,
    long: 'it takes a while',
  }),
)('a sync of the collector that fails', () => {
  let spillway: SpillwayProcess;
  let load: AcknowledgedLoad;
  let strace: ChildProcess;

  beforeAll(async () => {
    spillway = await SpillwayProcess.start({ config: { queue: { partitions: 4 } } });
    load = new AcknowledgedLoad({ url: () => spillway.url, eventsPerRequest: EVENTS, concurrent: 4 });
    load.start();
    await until('it accepts', async () => load.events > 1_000);
    strace = await failOneSync(spillway, () => load.refused('QUEUE_PARTITION_STOPPED') > 0);
  }, LONG_MS);
  afterAll(async () => {
    strace?.kill('SIGINT');
    load?.abandon();
    await spillway?.dispose();
  });

  test('is answered 503 with the stable code, and not retried away', async () => {
    expect(load.refusal).toMatchObject({
      status: 503,
      retryAfter: expect.any(String),
      body: { code: 'QUEUE_PARTITION_STOPPED', type: 'urn:spillway:error:QUEUE_PARTITION_STOPPED' },
    });
    const refused = load.refused('QUEUE_PARTITION_STOPPED');
    await until('it goes on being refused', async () => load.refused('QUEUE_PARTITION_STOPPED') > refused + 20);
  });

  test('leaves the other partitions taking, and reading everywhere', async () => {
    // Requests that wait for the stopped partition keep their senders; others come from elsewhere.
    const statuses = await Promise.all(
      Array.from({ length: 16 }, async (_, i) => {
        const body = JSON.stringify({ message: 'from elsewhere', app: 'other' });
        const headers = { 'content-type': 'application/json' };
        return (await fetch(`${spillway.url}/api/logs?host=other-${i}`, { method: 'POST', headers, body })).status;
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    const taken = statuses.filter((status) => status === 200).length;
    const count = async (q: string) => (await spillway.json<{ count: number }>(`/api/count?q=${q}&from=now-1h`)).count;
    await until('those are found', async () => (await count('app:other')) === taken);
    await until('and everything acknowledged', async () => (await count('app:oracle')) === load.events);
    for (const partition of [0, 1, 2, 3]) {
      const { records } = await spillway.json<{ records: unknown[] }>(`/api/topics/raw/records?partition=${partition}`);
      expect(records.length).toBeGreaterThan(0);
    }
  });

  test('is seen in the health and in the metrics, by partition', async () => {
    const health = await spillway.json<HealthAnswer>('/health/ready');
    expect(health.status).toBe('degraded');
    const [, partition] = /partition (\d) of raw takes no more/.exec(health.reasons?.join() ?? '') ?? [];
    expect(health.reasons).toEqual([expect.stringContaining('failed to sync')]);
    const stopped = `spillway_queue_stopped{topic="raw",partition="${partition}",role="collector"} 1`;
    await until('the metrics have it', async () =>
      (await (await fetch(`${spillway.url}/metrics`)).text()).includes(stopped),
    );
    const log = readFileSync(join(spillway.folder, 'spillway.log'), 'utf8');
    expect(log.split('\n').filter((line) => line.includes('takes no more records'))).toHaveLength(1);
  });

  test(
    'is over after a restart, with every acknowledged event there once',
    async () => {
      strace.kill('SIGINT');
      expect(await spillway.kill('collector')).toBe(1);
      await until('all is well', async () => (await spillway.json<HealthAnswer>('/health/ready')).status === 'ok');
      await load.stop();
      await until('all is accounted for', () => ledgerAtRest(spillway));
      await spillway.stop();
      const found = await expectOnce(join(spillway.folder, 'data'), {
        acknowledged: load.acknowledged,
        eventsPerRequest: EVENTS,
      });
      expect(found).toBe(load.events);
    },
    LONG_MS,
  );
});

/**
 * Of one thread of the collector's pool, so that it is one sync and one partition. A thread may have nothing to do for
 * long: then it is the next one's.
 */
async function failOneSync(spillway: SpillwayProcess, hasFailed: () => boolean): Promise<ChildProcess> {
  const collector = (await spillway.roles()).find(({ role }) => role === 'collector')?.pid;
  const tasks = `/proc/${collector}/task`;
  const workers = readdirSync(tasks).filter((task) => /worker/.test(readFileSync(join(tasks, task, 'comm'), 'utf8')));
  const inject = ['-e', 'trace=fdatasync', '-e', 'inject=fdatasync:error=EIO:when=1'];
  let said = '';
  for (const worker of workers) {
    const strace = spawn(findProgram('strace') ?? 'strace', ['-p', worker, ...inject], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    strace.stderr.on('data', (text) => {
      said += text;
    });
    const ended = once(strace, 'exit');
    try {
      await until('a request is refused', async () => hasFailed(), THREAD_MS);
      return strace;
    } catch {
      strace.kill('SIGINT');
      await ended;
      if (hasFailed()) return strace;
    }
  }
  throw new Error(`none of ${workers.length} threads of the collector failed to sync; strace said: ${said}`);
}
