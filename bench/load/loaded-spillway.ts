/** A Spillway that has indexed the events of bench/load/events.ts, sent as syslog over TCP, and has come to rest. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SpillwayProcess } from '../../test/support/spillway.ts';
import { cpuSeconds, until } from '../harness.ts';
import { type EventsMeta, writeEvents } from './events.ts';
import { runTcpLoad } from './run-load.ts';

/** Of the times of all events. */
export const SPAN_MS = 6 * 3_600_000;
const CONNECTIONS = 4;
const SETTLED_MS = 1_000;
/** Of one core, while it settles. */
const IDLE_CPU_SHARE = 0.15;

export const EVERYTHING = 'from=now-2d&to=now%2B1d';

/** Writes the events, begun so that they end a minute ago, calls `use` with them and removes them again. */
export async function withEvents<T>(
  count: number,
  use: (folder: string, meta: EventsMeta) => Promise<T>,
  seed = 42,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-bench-events-'));
  try {
    return await use(folder, await writeEvents(folder, { count, seed, startMs: Date.now() - SPAN_MS - 60_000 }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface Loaded {
  /** Epoch ms of the first byte; the others are milliseconds from there. */
  readonly startedMs: number;
  readonly acceptedMs: number;
  readonly searchableMs: number;
  readonly settledMs: number;
  readonly loadCpuS: number;
}

/**
 * Sends the lines of the file; resolves when each is counted, with those of before, and nothing is left to do, for the
 * processes `others` neither.
 */
export async function load(
  spillway: SpillwayProcess,
  file: string,
  count: number,
  { before = 0, others = [] }: { readonly before?: number; readonly others?: readonly number[] } = {},
): Promise<Loaded> {
  const pids = [...(await spillway.roles()).flatMap(({ pid }) => pid ?? []), ...others];
  const startedMs = Date.now();
  const sent = await runTcpLoad({ port: spillway.port('syslog TCP'), connections: CONNECTIONS, events: count, file });
  const acceptedMs = Date.now() - startedMs;
  // An index of OpenSearch that is just being made answers a moment later.
  const counted = () => countAll(spillway).catch(() => 0);
  await until('every event is counted', async () => (await counted()) >= before + count, 600_000, 50);
  const searchableMs = Date.now() - startedMs;
  const found = await countAll(spillway);
  if (found !== before + count) throw new Error(`${before + count} events were sent and ${found} are found`);
  return { startedMs, acceptedMs, searchableMs, settledMs: await settled(pids, startedMs), loadCpuS: sent.cpuS };
}

async function countAll(spillway: SpillwayProcess): Promise<number> {
  return (await spillway.json<{ count: number }>(`/api/count?q=*&${EVERYTHING}`)).count;
}

/** Milliseconds from `startedMs` until the processes had nothing to do any more. */
export async function settled(pids: readonly number[], startedMs: number): Promise<number> {
  const used = async (): Promise<number> =>
    (await Promise.all(pids.map(cpuSeconds))).reduce((sum, seconds) => sum + seconds, 0);
  let endMs = Date.now();
  let before = await used();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
    const now = await used();
    if (now - before < (IDLE_CPU_SHARE * SETTLED_MS) / 1_000) return endMs - startedMs;
    before = now;
    endMs = Date.now();
  }
}
