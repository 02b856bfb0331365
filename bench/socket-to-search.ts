/**
 * How many events a second go all the way: syslog over TCP, durable in the queue, parsed, indexed, until a count shows
 * every one and the search engine's merges have settled. All three roles and the load generator share the cores. Beside
 * it, in turns, what the engine takes alone: the same events, prepared as blocks, inserted into the same table. With
 * --peer also a real OpenSearch that is sent the same events as JSON by bare `_bulk`: without a queue, and nothing to parse.
 */
import { join } from 'node:path';
import { SpillwayProcess } from '../test/support/spillway.ts';
import { type Bench, cpuSeconds, hundredths, type Measured, median, PeakMemory, say } from './harness.ts';
import { load, withEvents } from './load/loaded-spillway.ts';
import { lacksOpenSearch, withOpenSearch } from './load/opensearch.ts';
import { loadPlain, type PlainLoaded } from './load/plain-opensearch.ts';
import { runBareInsert } from './load/run-load.ts';

const TARGET = 60_000;
const MEMORY_TARGET_MIB = 1_536;
const MiB = 1_024 ** 2;

interface Round {
  readonly searchablePerS: number;
  readonly settledPerS: number;
  readonly acceptedPerS: number;
  readonly barePerS: number;
  readonly bareCpuUs: number;
  readonly peakMiB: number;
  readonly loadCpuS: number;
  readonly cpuUs: Readonly<Record<string, number>>;
}

export const run: Bench = async ({ quick, peer, events, rounds: turns = quick ? 1 : 3 }) => {
  const missing = peer ? await lacksOpenSearch() : undefined;
  if (missing !== undefined) say(`  ${missing}`);
  const hasPeer = peer && missing === undefined;
  const count = events ?? (quick ? 100_000 : 2_000_000);
  return withEvents(count, async (folder) => {
    const rounds: Round[] = [];
    const theirs: PeerRound[] = [];
    for (let turn = 0; turn < turns; turn++) {
      rounds.push(await once(join(folder, 'syslog.log'), count));
      if (hasPeer) theirs.push(await opensearchOnce(join(folder, 'events.ndjson'), count));
    }
    return summary(rounds, theirs, missing);
  });
};

interface PeerRound extends PlainLoaded {
  readonly name: string;
  readonly count: number;
}

/** A server of its own each time, which has both processors and begins cold, as Spillway. */
function opensearchOnce(file: string, count: number): Promise<PeerRound> {
  return withOpenSearch({ apart: false }, async (server) => {
    return { ...(await loadPlain(server, file, count)), name: server.name, count };
  });
}

async function once(file: string, count: number): Promise<Round> {
  const spillway = await SpillwayProcess.start();
  try {
    const roles = await spillway.roles();
    const pids = roles.flatMap(({ pid }) => pid ?? []);
    const memory = new PeakMemory(() => pids);
    const before = await Promise.all(pids.map(cpuSeconds));
    const loaded = await load(spillway, file, count);
    const after = await Promise.all(pids.map(cpuSeconds));
    const cpuUs = Object.fromEntries(
      roles.map(({ role }, i) => [role, (((after[i] ?? 0) - (before[i] ?? 0)) / count) * 1e6]),
    );
    const peakMiB = (await memory.stop()) / MiB;
    say(
      `  accepted ${seconds(loaded.acceptedMs)} s, searchable ${seconds(loaded.searchableMs)} s, settled ${seconds(loaded.settledMs)} s, ` +
        `${Math.round(peakMiB)} MiB, CPU us an event: ${JSON.stringify(cpuUs, (_, us) => (typeof us === 'number' ? Math.round(us * 10) / 10 : us))}`,
    );
    await spillway.stop();
    const bare = await runBareInsert(join(spillway.folder, 'data'));
    if (bare.rows !== count) throw new Error(`${count} events were sent and ${bare.rows} are in the queue`);
    const bareCpuUs = (bare.cpuS / count) * 1e6;
    say(`  bare insert: settled ${seconds(bare.settledMs)} s, CPU us an event: ${Math.round(bareCpuUs * 10) / 10}`);
    return {
      barePerS: count / seconds(bare.settledMs),
      bareCpuUs,
      acceptedPerS: count / seconds(loaded.acceptedMs),
      searchablePerS: count / seconds(loaded.searchableMs),
      settledPerS: count / seconds(loaded.settledMs),
      peakMiB,
      loadCpuS: loaded.loadCpuS,
      cpuUs,
    };
  } finally {
    await spillway.dispose();
  }
}

const seconds = (ms: number): number => Math.round(ms / 100) / 10;

function cpuBound(usPerEvent: number): string {
  const perS = Math.round((2 * 1e6) / usPerEvent / 1_000) * 1_000;
  return `The roles took ${usPerEvent.toFixed(1)} us of CPU an event: two processors of their own would do ${perS.toLocaleString('en-US')} events/s until the last merges, which use one.`;
}

/** Rows of OpenSearch: until all can be found, and until its merges have settled too. */
function peerRows(theirs: readonly PeerRound[], own: { readonly searchable: number; readonly settled: number }) {
  const [first] = theirs;
  if (first === undefined) return {};
  const perS = (ms: (round: PeerRound) => number) =>
    Math.round(median(theirs.map((round) => (round.count * 1_000) / ms(round))));
  const beside = (value: number, peer: number): Measured => {
    return { value, unit: 'events/s', peer: { name: first.name, value: peer }, ratio: hundredths(value / peer) };
  };
  const cpuUs = median(theirs.map(({ cpuS, count }) => (cpuS * 1e6) / count));
  return {
    'beside OpenSearch and bare _bulk, until merges settle': beside(
      own.settled,
      perS(({ settledMs }) => settledMs),
    ),
    'beside OpenSearch and bare _bulk, until a count shows every event': beside(
      own.searchable,
      perS(({ searchableMs }) => searchableMs),
    ),
    'CPU of OpenSearch': { value: Math.round(cpuUs * 10) / 10, unit: 'us/event' },
  };
}

function summary(rounds: readonly Round[], theirs: readonly PeerRound[], missing: string | undefined) {
  const of = (pick: (round: Round) => number): number => Math.round(median(rounds.map(pick)));
  const roles = Object.keys(rounds[0]?.cpuUs ?? {});
  const us = (pick: (round: Round) => number): Measured => ({
    value: Math.round(median(rounds.map(pick)) * 10) / 10,
    unit: 'us/event',
  });
  const value = of((round) => round.settledPerS);
  const bare = of((round) => round.barePerS);
  return {
    value,
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
      ...Object.fromEntries(roles.map((role) => [`CPU of the ${role}`, us(({ cpuUs }) => cpuUs[role] ?? 0)])),
      'beside the bare insert of prepared rows into the same table, which is the limit': {
        value: bare,
        unit: 'events/s',
        ratio: Math.round((value / bare) * 100) / 100,
      },
      'CPU of the bare insert': us(({ bareCpuUs }) => bareCpuUs),
      ...peerRows(theirs, { searchable: of((round) => round.searchablePerS), settled: value }),
    },
    notes: [
      'VictoriaLogs 1.26 reaches 58,000 to 85,000 lines/s on such a machine, acknowledging before the disk has them; here every event is synced twice, in the queue and in the search engine.',
      ...(theirs.length === 0
        ? []
        : [
            'OpenSearch: all settings as they come but for a heap of 1 GiB, one index with one shard and an explicit mapping, ids given by the server, both processors, cold as ours; four requests of 5 MB at once, made ready by the client. It syncs its translog before each answer.',
          ]),
      ...(missing === undefined ? [] : [missing]),
      cpuBound(roles.reduce((sum, role) => sum + us(({ cpuUs }) => cpuUs[role] ?? 0).value, 0)),
    ],
  };
}
