/**
 * Power cuts: Spillway runs under load on an ext4 image that lies on XFS, and the image is copied at one point in time. The
 * copy is what the disk would hold after a cut: its journal is replayed by mounting it, and Spillway starts on it. What
 * had been acknowledged before the copy was begun must be there, once.
 * SPILLWAY_TEST_POWER_CUTS says how many (5).
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectOnce, ledgerAtRest } from '../support/accounts.ts';
import { AcknowledgedLoad } from '../support/acknowledged-load.ts';
import { run, TestDisks } from '../support/disks.ts';
import { lacks } from '../support/needs.ts';
import { NumberedLoad } from '../support/numbered-load.ts';
import { seededRandom } from '../support/seeded.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';
import { selectStored } from '../support/stored-events.ts';

const CUTS = Number(process.env.SPILLWAY_TEST_POWER_CUTS ?? 5);
const GiB = 1024 ** 3;
const EVENTS = 20;
const needs = {
  root: true,
  programs: { mount: 'mount', losetup: 'mount', 'mkfs.xfs': 'xfsprogs', 'mkfs.ext4': 'e2fsprogs' },
  mounts: 'loop',
  long: 'it starts Spillway on copies of its disk',
} as const;

describe.skipIf(lacks('power cuts', needs))('a power cut', () => {
  const random = seededRandom();
  const disks = new TestDisks();
  let image: string;
  let below: string;
  let spillway: SpillwayProcess;
  let http: AcknowledgedLoad;
  let tcp: NumberedLoad;

  beforeAll(async () => {
    below = disks.xfs('below', 8 * GiB);
    const disk = disks.ext4('disk', 4 * GiB, below);
    image = disk.image;
    spillway = await SpillwayProcess.start({ config: { data: join(disk.path, 'data') } });
    http = new AcknowledgedLoad({ url: () => spillway.url, eventsPerRequest: EVENTS, concurrent: 4, padding: 200 });
    tcp = new NumberedLoad(spillway.port('syslog TCP'), 2_000, 2);
    http.start();
    tcp.start();
    await until('it accepts', async () => http.events > 500);
  }, 60_000);

  afterAll(async () => {
    http?.abandon();
    await tcp?.stop();
    await spillway?.dispose();
    disks.dispose();
  }, 60_000);

  test.each(Array.from({ length: CUTS }, (_, cut) => cut + 1))(
    'number %i loses nothing that was acknowledged, and doubles nothing',
    async (cut) => {
      const target = http.events + 500;
      await until('more is acknowledged', async () => http.events > target);
      // At any moment of a group.
      await delay(random.next() * 50);
      const acknowledged = new Set(http.acknowledged);
      const copy = join(below, `cut-${cut}.img`);
      run('cp', '--reflink=always', image, copy);
      const path = disks.mountImage(`cut-${cut}`, copy);
      const data = join(path, 'data');
      const after = await SpillwayProcess.start({ config: { data } });
      try {
        const total = await until('all is accounted for', () => ledgerAtRest(after), 60_000);
        expect(total).toMatchObject({ written: total.accepted, dropped: 0, deadLettered: 0 });
        expect(await after.stop()).toBe(0);
        const found = await expectOnce(data, { acknowledged, eventsPerRequest: EVENTS });
        const lines = await expectPrefixes(data, tcp.sent);
        expect(total.accepted).toBe(found + lines);
        console.info(
          `cut ${cut}: ${acknowledged.size * EVENTS} acknowledged, ${found} there, and ${lines} lines of TCP`,
        );
      } finally {
        await after.dispose();
        disks.unmount(path);
        run('rm', copy);
      }
    },
    120_000,
  );
});

/** What arrived of each connection is its first lines, each once. */
async function expectPrefixes(data: string, sent: readonly number[]): Promise<number> {
  const [rows = []] = await selectStored(data, [
    `SELECT payload.conn.:Float64 AS conn, count(), uniqExact(payload.line.:Float64), max(payload.line.:Float64) + 1
     FROM events WHERE toString(metadata.app) = 'numbered' GROUP BY conn`,
  ]);
  let lines = 0;
  for (const [conn = 0, count = 0, distinct, end] of rows.map((row) => row.map(Number))) {
    expect({ conn, distinct, end }).toEqual({ conn, distinct: count, end: count });
    expect(count).toBeLessThanOrEqual(sent[conn] ?? 0);
    lines += count;
  }
  return lines;
}
