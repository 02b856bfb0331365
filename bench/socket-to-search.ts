/**
 * How many events a second go all the way: syslog over TCP, durable in the queue, parsed, indexed, until a count shows
 * every one and the search engine's merges have settled. All three roles and the load generator share the cores.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SpillwayProcess } from '../test/support/spillway.ts';
import { type Bench, cpuSeconds, median, PeakMemory, say, until } from './harness.ts';
import { writeEvents } from './load/events.ts';
import { runTcpLoad } from './load/run-load.ts';

const TARGET = 60_000;
const MEMORY_TARGET_MIB = 1_536;
const CONNECTIONS = 4;
const SPAN_MS = 6 * 3_600_000;
const SETTLED_MS = 1_000;
/** Of one core, while it settles. */
const IDLE_CPU_SHARE = 0.15;
const MiB = 1_024 ** 2;

interface Round {
  readonly searchablePerS: number;
  readonly settledPerS: number;
  readonly acceptedPerS: number;
  readonly peakMiB: number;
  readonly loadCpuS: number;
  readonly cpuUs: Readonly<Record<string, number>>;
}

export const run: Bench = async ({ quick }) => {
  const count = quick ? 100_000 : 2_000_000;
  const folder = await mkdtemp(join(tmpdir(), 'spillway-bench-search-'));
  try {
    await writeEvents(folder, { count, seed: 42, startMs: Date.now() - SPAN_MS - 60_000 });
    const rounds: Round[] = [];
    for (let round = 0; round < (quick ? 1 : 3); round++) rounds.push(await once(join(folder, 'syslog.log'), count));
    return summary(rounds);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

async function once(file: string, count: number): Promise<Round> {
  const spillway = await SpillwayProcess.start();
  try {
    const roles = await spillway.roles();
    const pids = roles.flatMap(({ pid }) => pid ?? []);
    const memory = new PeakMemory(() => pids);
    const before = await Promise.all(pids.map(cpuSeconds));
    const startedMs = Date.now();
    const load = await runTcpLoad({ port: spillway.port('syslog TCP'), connections: CONNECTIONS, events: count, file });
    const acceptedS = (Date.now() - startedMs) / 1_000;
    await until('every event is counted', async () => (await countAll(spillway)) >= count, 600_000, 50);
    const searchableS = (Date.now() - startedMs) / 1_000;
    const found = await countAll(spillway);
    if (found !== count) throw new Error(`${count} events were sent and ${found} are found`);
    const settledS = (await settled(pids, startedMs)) / 1_000;
    const after = await Promise.all(pids.map(cpuSeconds));
    const cpuUs = Object.fromEntries(
      roles.map(({ role }, i) => [role, (((after[i] ?? 0) - (before[i] ?? 0)) / count) * 1e6]),
    );
    const peakMiB = (await memory.stop()) / MiB;
    say(
      `  accepted ${acceptedS.toFixed(1)} s, searchable ${searchableS.toFixed(1)} s, settled ${settledS.toFixed(1)} s, ` +
        `${Math.round(peakMiB)} MiB, CPU us an event: ${JSON.stringify(cpuUs, (_, us) => (typeof us === 'number' ? Math.round(us * 10) / 10 : us))}`,
    );
    return {
      acceptedPerS: count / acceptedS,
      searchablePerS: count / searchableS,
      settledPerS: count / settledS,
      peakMiB,
      loadCpuS: load.cpuS,
      cpuUs,
    };
  } finally {
    await spillway.dispose();
  }
}

async function countAll(spillway: SpillwayProcess): Promise<number> {
  return (await spillway.json<{ count: number }>('/api/count?q=*&from=now-2d&to=now%2B1d')).count;
}

/** Milliseconds from `startedMs` until the processes had nothing to do any more. */
async function settled(pids: readonly number[], startedMs: number): Promise<number> {
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

function summary(rounds: readonly Round[]) {
  const of = (pick: (round: Round) => number): number => Math.round(median(rounds.map(pick)));
  const roles = Object.keys(rounds[0]?.cpuUs ?? {});
  return {
    value: of((round) => round.settledPerS),
    unit: 'events/s',
    target: TARGET,
    loadCpuS: median(rounds.map(({ loadCpuS }) => loadCpuS)),
    rows: {
      'until a count shows every event': { value: of((round) => round.searchablePerS), unit: 'events/s' },
      'accepted durably meanwhile': { value: of((round) => round.acceptedPerS), unit: 'events/s' },
      [`peak memory (PSS) of the roles, at most ${MEMORY_TARGET_MIB} MiB`]: {
        value: of((round) => round.peakMiB),
        unit: 'MiB',
      },
      ...Object.fromEntries(
        roles.map((role) => [
          `CPU of the ${role}`,
          { value: Math.round(median(rounds.map(({ cpuUs }) => cpuUs[role] ?? 0)) * 10) / 10, unit: 'us/event' },
        ]),
      ),
    },
    notes: [
      'VictoriaLogs 1.26 reaches 58,000 to 85,000 lines/s on such a machine, acknowledging before the disk has them; here every event is synced twice, in the queue and in the search engine.',
    ],
  };
}
