/** A disk that is full, met by a real Spillway: before it is full by the high-water mark, and at ENOSPC itself. */
import { rmSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HealthAnswer } from '../../src/api/schemas/account.ts';
import { expectOnce, ledgerAtRest } from '../support/accounts.ts';
import { AcknowledgedLoad } from '../support/acknowledged-load.ts';
import { TestDisks, takeSpace } from '../support/disks.ts';
import { lacks } from '../support/needs.ts';
import { NumberedLoad } from '../support/numbered-load.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';
import { selectStored } from '../support/stored-events.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const LONG_MS = 180_000;
const EVENTS = 50;
const ROLES = ['collector', 'processor', 'store'] as const;
const needs = {
  root: true,
  programs: { mount: 'mount', fallocate: 'util-linux', 'mkfs.ext4': 'e2fsprogs' },
  mounts: 'loop',
  long: 'it fills disks',
} as const;

describe.skipIf(lacks('a full disk', needs))('a full disk', () => {
  let disks: TestDisks;
  let spillway: SpillwayProcess | undefined;
  beforeEach(() => {
    disks = new TestDisks();
  });
  afterEach(async () => {
    await spillway?.dispose();
    spillway = undefined;
    disks.dispose();
  });

  const load = (running: SpillwayProcess) =>
    new AcknowledgedLoad({ url: () => running.url, eventsPerRequest: EVENTS, concurrent: 4, padding: 700 });

  test(
    'loses nothing that was acknowledged, reads, and goes on by itself when there is space',
    async () => {
      const data = disks.tmpfs('small', '192m');
      takeSpace(join(data, 'ballast'), 96 * MiB);
      const running = await SpillwayProcess.start({ config: { data } });
      spillway = running;
      const http = load(running);
      const tcp = new NumberedLoad(running.port('syslog TCP'), 4_000, 4);
      http.start();
      tcp.start();
      await until('the disk is full', async () => http.refused('DISK_FULL') > 0, 60_000);
      expect(http.refusal).toMatchObject({ status: 503, retryAfter: expect.any(String) });
      await until('TCP waits', async () => (await metric(running, 'spillway_collect_paused_connections')) >= 4, 30_000);
      const before = await memory(running);
      const acknowledgedBefore = http.events;
      await until('it is full for a while', async () => http.refused('DISK_FULL') > 200, 60_000);
      const [counted, read] = await Promise.all([
        running.json<{ count: number }>('/api/count?q=app:oracle&from=now-1h'),
        running.json<{ records: unknown[] }>('/api/topics/raw/records?partition=0&limit=10'),
      ]);
      expect(counted.count).toBeGreaterThan(0);
      expect(read.records.length).toBeGreaterThan(0);
      const after = await memory(running);
      console.info(`full: ${http.events} events acknowledged, ${JSON.stringify({ before, after })}`);
      for (const role of ['collector', 'processor'] as const) {
        expect(after[role] - before[role], `${role} grew`).toBeLessThan(64);
      }
      rmSync(join(data, 'ballast'));
      await until('it goes on by itself', async () => http.events > acknowledgedBefore + 10 * EVENTS, 60_000);
      await Promise.all([http.stop(), tcp.stop()]);
      const total = await until('all is accounted for', () => ledgerAtRest(running), 60_000);
      const roles = await running.roles();
      expect(roles.map(({ role, restarts }) => `${role} ${restarts}`)).toEqual([
        'collector 0',
        'processor 0',
        'store 0',
      ]);
      expect(await running.stop()).toBe(0);
      const found = await expectOnce(data, { acknowledged: http.acknowledged, eventsPerRequest: EVENTS });
      expect(found).toBe(http.events);
      const sent = tcp.sent.reduce((sum, lines) => sum + lines, 0);
      await expectLines(data, tcp.sent);
      expect(total).toMatchObject({ accepted: found + sent, written: found + sent, deadLettered: 0 });
    },
    LONG_MS,
  );

  test(
    'is not met with the default marks: senders are told before it is full, and the rest goes on',
    async () => {
      // A sparse image: what is taken from it is never written.
      const { path: data } = disks.ext4('large', 40 * GiB);
      const running = await SpillwayProcess.start({ config: { data, queue: { highWater: '90%', minFree: '1GiB' } } });
      spillway = running;
      const http = load(running);
      http.start();
      await until('it accepts', async () => http.events > 1_000);
      const { free, used } = await space(running);
      // As much as leaves the disk just below 90 %; the load does the rest.
      takeSpace(join(data, 'ballast'), Math.floor(free - 0.1 * (free + used)) - 8 * MiB);
      await until('senders are refused', async () => http.refused('DISK_ALMOST_FULL') > 0, 60_000);
      expect(http.refusal).toMatchObject({
        status: 503,
        retryAfter: '10',
        body: { code: 'DISK_ALMOST_FULL', disk: 'queue', detail: expect.stringContaining('queue.highWater') },
      });
      expect(await running.json<HealthAnswer>('/health/ready')).toMatchObject({
        status: 'degraded',
        reasons: [expect.stringContaining('% full')],
      });
      const total = await until('what was accepted is found all the same', () => ledgerAtRest(running));
      // What was under way when the first was refused has been answered by now.
      const acknowledged = http.events;
      expect(total.written).toBe(acknowledged);
      rmSync(join(data, 'ballast'));
      await until('it goes on by itself', async () => http.events > acknowledged, 30_000);
      await http.stop();
      expect(http.refused('DISK_FULL')).toBe(0);
      await until('it is well', async () => (await running.json<HealthAnswer>('/health/ready')).status === 'ok');
      const log = (await readFile(join(running.folder, 'spillway.log'), 'utf8')).split('\n');
      const refusals = [...http.refusals.values()].reduce((sum, count) => sum + count, 0);
      expect(log.filter((line) => line.includes('% full')).length).toBe(1);
      expect(log.length).toBeLessThan(refusals + 100);
    },
    LONG_MS,
  );

  test(
    'at the start does not end the program: it waits for space, and has everything',
    async () => {
      const data = disks.tmpfs('small', '160m');
      const first = await SpillwayProcess.start({ config: { data } });
      spillway = first;
      const http = load(first);
      http.start();
      await until('some are acknowledged', async () => http.events > 1_000);
      await http.stop();
      await until('and found', () => ledgerAtRest(first));
      await first.stop();
      takeSpace(join(data, 'ballast'), await freeBytes(data));
      const starting = SpillwayProcess.start({ folder: first.folder, config: { data } });
      starting.catch(() => {});
      try {
        await until('each role met the full disk', async () => {
          const log = await readFile(join(first.folder, 'spillway.log'), 'utf8');
          return ROLES.every((role) => new RegExp(`"child":"${role}".*is started again`).test(log));
        });
      } finally {
        rmSync(join(data, 'ballast'));
      }
      const again = await starting;
      spillway = again;
      await until('all is there', () => ledgerAtRest(again));
      expect((await again.json<{ count: number }>('/api/count?q=app:oracle&from=now-1h')).count).toBe(http.events);
    },
    LONG_MS,
  );
});

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

async function metric(spillway: SpillwayProcess, name: string): Promise<number> {
  const text = await (await fetch(`${spillway.url}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(name))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

async function space(spillway: SpillwayProcess): Promise<{ free: number; used: number }> {
  return await until('the disk is known', async () => {
    const free = await metric(spillway, 'spillway_queue_disk_free_bytes');
    const ratio = await metric(spillway, 'spillway_queue_disk_used_ratio');
    return free > 0 && { free, used: (free * ratio) / (1 - ratio) };
  });
}

/** MiB by role: what each process takes of the machine, shared pages by their share. */
async function memory(spillway: SpillwayProcess): Promise<Record<'collector' | 'processor' | 'store', number>> {
  const sizes = { collector: 0, processor: 0, store: 0 };
  for (const { role, pid } of await spillway.roles()) {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
    sizes[role] = Math.round(Number(/^Pss:\s+(\d+)/m.exec(text)?.[1]) / 1024);
  }
  return sizes;
}

/** Everything that the numbered connections were given is there once, in order. */
async function expectLines(data: string, sent: readonly number[]): Promise<void> {
  const [rows = []] = await selectStored(data, [
    `SELECT payload.conn.:Float64 AS conn, count(), uniqExact(payload.line.:Float64), max(payload.line.:Float64) + 1
     FROM events WHERE toString(metadata.app) = 'numbered' GROUP BY conn ORDER BY conn`,
  ]);
  expect(rows.map((row) => row.map(Number))).toEqual(
    sent.map((lines, conn) => [conn, lines, lines, lines]).filter(([, lines]) => lines !== 0),
  );
}
