/**
 * A store that takes events of so many tenants, in turn, from a queue that has them, and what that cost: a process of its
 * own, so that its memory is its own. Prints JSON.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { StoredEvent } from '../../src/event/event.ts';
import { openStoreKit } from '../../src/search/testing/store-kit.ts';
import { cpuSeconds, pssBytes } from '../harness.ts';

export interface TenantsCost {
  readonly cpuS: number;
  readonly seconds: number;
  readonly slices: number;
  readonly parts: number;
  readonly pssBytes: number;
  readonly journalBytes: number;
}

const BATCH = 5_000;
const { values } = parseArgs({ options: { tenants: { type: 'string' }, events: { type: 'string' } } });
const tenants = Number(values.tenants);
const count = Number(values.events);
const folder = await mkdtemp(join(tmpdir(), 'spillway-tenants-'));
try {
  const kit = await openStoreKit({ directory: folder, partitions: 4 });
  const startMs = Date.now();
  for (let from = 0; from < count; from += BATCH) {
    const events = Array.from({ length: BATCH }, (_, i): StoredEvent => {
      const number = from + i;
      return {
        id: `local.raw.${(from / BATCH) % 4}.${number}.0`,
        tenant: `tenant-${number % tenants}`,
        timestamp: startMs + number,
        received: startMs + number,
        type: 'log',
        source: 'app:host',
        message: `GET /orders/${number % 1_000} took ${number % 97} ms for user ${number % 5_003}`,
        metadata: { app: 'app', host: `host-${number % 20}` },
        payload: { status: 200, path: `/orders/${number % 1_000}`, request_id: `r${number * 7_919}` },
      };
    });
    await kit.append((from / BATCH) % 4, events);
  }
  const cpuBefore = await cpuSeconds(process.pid);
  const began = performance.now();
  await kit.startIndexer().started;
  await kit.settled();
  const seconds = (performance.now() - began) / 1_000;
  const cpuS = (await cpuSeconds(process.pid)) - cpuBefore;
  const slices = (await kit.engine.writer.slices()).length;
  const [[parts] = []] = await kit.engine.table.run(
    "SELECT count() FROM system.parts WHERE table = 'events' AND active",
  );
  const rows = kit.engine.journal.catalogue.size;
  if (rows !== tenants) throw new Error(`${rows} pairs of tenant and slice`);
  const cost: TenantsCost = {
    cpuS,
    seconds,
    slices,
    parts: Number(parts),
    pssBytes: await pssBytes(process.pid),
    journalBytes: kit.engine.journal.writtenBytes,
  };
  process.stdout.write(`${JSON.stringify(cost)}\n`);
  await kit.close();
} finally {
  await rm(folder, { recursive: true, force: true });
}
