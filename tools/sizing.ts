/**
 * Writes the estimate in docs/scaling.md from what was measured (bench/results) and what is assumed (below):
 * node tools/node24.mjs tools/sizing.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../src/lib/errors.ts';

const ROOT = join(import.meta.dirname, '..');
export const SCALING_DOCS = join(ROOT, 'docs/scaling.md');
const DAY_S = 86_400;
const GB = 1e9;
const TB = 1e12;
const MONTH_DAYS = 30;

/** What the reader may want to change: each is said on the page. Prices are list prices in US dollars, a month. */
export const ASSUMED = {
  /** The busiest seconds of a day beside the average: collectors and brokers are there for these. */
  peak: 3,
  /** What processors, stores and search nodes can do beside the average: by so much they catch up. */
  catchUp: 1.5,
  /** Of the CPU and of a disk: the rest is for failures, merges, questions and growth. */
  cpuShare: 0.5,
  diskShare: 0.7,
  queueDays: 7,
  searchDays: 30,
  kafkaCopies: 3,
  searchCopies: 2,
  cores: 8,
  /** 8 vCPU with 32 GiB, for roles and brokers; with 64 GiB, for search nodes. */
  machinePrice: 280,
  searchMachinePrice: 370,
  diskPricePerGb: 0.08,
  brokerDiskTb: 16,
  searchDiskTb: 8,
  /** Between zones, both directions together. */
  networkPricePerGb: 0.02,
} as const;

/** CPU in us of one core, and bytes, of one event. */
export interface Measured {
  readonly one: {
    readonly cpuUs: number;
    readonly queueBytes: number;
    readonly indexBytes: number;
    readonly perS: number;
  };
  readonly cpuUs: Readonly<Record<'collector' | 'processor' | 'store' | 'Kafka' | 'OpenSearch', number>>;
  readonly queueBytes: number;
  readonly indexBytes: number;
  /** How the costs beside Kafka and OpenSearch were measured. */
  readonly how: string;
  /** Through the network once, without the copies that brokers and nodes make of each other. */
  readonly wireBytes: number;
}

type Rows = Readonly<Record<string, { readonly value: number }>>;

export function readMeasured(): Measured {
  const [cost, through, disk] = ['cost', 'socket-to-search', 'disk'].map((name) => {
    return JSON.parse(readFileSync(join(ROOT, `bench/results/${name}.json`), 'utf8')) as {
      value: number;
      rows: Rows;
      notes: readonly string[];
    };
  });
  if (cost === undefined || through === undefined || disk === undefined) throw new Error('unreachable');
  const of = (rows: Rows, name: string): number => {
    const value = rows[name]?.value;
    if (value === undefined) throw new Error(`bench/results has no '${name}' any more`);
    return value;
  };
  const role = (rows: Rows) => ['collector', 'processor', 'store'].map((name) => of(rows, `CPU of ${name}`));
  const embedded = ['collector', 'processor', 'store'].map((name) => of(through.rows, `CPU of the ${name}`));
  const [collector = 0, processor = 0, store = 0] = role(cost.rows);
  const wire = [
    'read by the collector',
    'written by the collector',
    'read by the processor',
    'written by the processor',
  ];
  return {
    one: {
      cpuUs: embedded.reduce((sum, us) => sum + us, 0),
      queueBytes: of(disk.rows, 'raw (queue)') + of(disk.rows, 'events (queue)'),
      indexBytes: disk.value,
      perS: through.value,
    },
    cpuUs: {
      collector,
      processor,
      store,
      Kafka: of(cost.rows, 'CPU of Kafka'),
      OpenSearch: of(cost.rows, 'CPU of OpenSearch'),
    },
    how: cost.notes[0] ?? '',
    queueBytes: of(cost.rows, 'raw in Kafka, one copy') + of(cost.rows, 'events in Kafka, one copy'),
    indexBytes: of(cost.rows, 'index in OpenSearch, one copy'),
    wireBytes: [...wire, 'read by the store', 'written by the store'].reduce(
      (sum, name) => sum + of(cost.rows, name),
      0,
    ),
  };
}

export interface Estimate {
  readonly perS: number;
  readonly collectors: number;
  readonly processors: number;
  readonly stores: number;
  readonly brokers: number;
  readonly brokerTb: number;
  readonly searchNodes: number;
  readonly searchTb: number;
  readonly networkGbPerDay: number;
  readonly dollars: number;
}

export function estimate(eventsPerDay: number, { cpuUs, queueBytes, indexBytes, wireBytes }: Measured): Estimate {
  const a = ASSUMED;
  const perS = eventsPerDay / DAY_S;
  const machines = (rate: number, us: number, least: number) =>
    Math.max(least, Math.ceil((rate * us) / 1e6 / (a.cores * a.cpuShare)));
  const collectors = machines(perS * a.peak, cpuUs.collector, 2);
  const processors = machines(perS * a.catchUp, cpuUs.processor, 2);
  const stores = machines(perS * a.catchUp, cpuUs.store, 2);
  const brokerTb = (eventsPerDay * a.queueDays * queueBytes * a.kafkaCopies) / a.diskShare / TB;
  const searchTb = (eventsPerDay * a.searchDays * indexBytes * a.searchCopies) / a.diskShare / TB;
  const brokers = Math.max(
    machines(perS * a.peak, cpuUs.Kafka * a.kafkaCopies, 3),
    Math.ceil(brokerTb / a.brokerDiskTb),
  );
  const searchNodes = Math.max(
    machines(perS * a.catchUp, cpuUs.OpenSearch * a.searchCopies, 3),
    Math.ceil(searchTb / a.searchDiskTb),
  );
  const copies = queueBytes * (a.kafkaCopies - 1) + indexBytes * (a.searchCopies - 1);
  const networkGbPerDay = (eventsPerDay * (wireBytes + copies)) / GB;
  const dollars =
    (collectors + processors + stores + brokers) * a.machinePrice +
    searchNodes * a.searchMachinePrice +
    (brokerTb + searchTb) * 1_000 * a.diskPricePerGb +
    networkGbPerDay * MONTH_DAYS * a.networkPricePerGb;
  return { perS, collectors, processors, stores, brokers, brokerTb, searchNodes, searchTb, networkGbPerDay, dollars };
}

const number = (value: number, digits = 0): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: 0 });

export function sizingSection(measured: Measured): string {
  const a = ASSUMED;
  const { one, cpuUs } = measured;
  const days = [1, 10, 100].map((billions) => [billions, estimate(billions * 1e9, measured)] as const);
  const row = (name: string, of: (estimate: Estimate) => string) =>
    `| ${name} | ${days.map(([, e]) => of(e)).join(' | ')} |`;
  const oneDisk = (one.queueBytes * a.queueDays + one.indexBytes * a.searchDays) / a.diskShare;
  return `| measured, of one event of about 330 bytes | embedded, one machine | Kafka and OpenSearch |
|---|---|---|
| CPU of collector, processor and store | ${number(one.cpuUs, 1)} us together | ${cpuUs.collector} + ${cpuUs.processor} + ${cpuUs.store} us |
| CPU of the engines beside them | none | Kafka ${cpuUs.Kafka} us, OpenSearch ${cpuUs.OpenSearch} us |
| the queue's disk, \`raw\` and \`events\`, one copy | ${number(one.queueBytes)} bytes | ${number(measured.queueBytes)} bytes |
| the index, one copy | ${number(one.indexBytes)} bytes | ${number(measured.indexBytes)} bytes |
| through sockets, without the engines' own copies | none | ${number(measured.wireBytes)} bytes |

The right column: ${measured.how}

One machine with the embedded engines did ${number(one.perS)} events/s on 2 cores. For ${a.queueDays} days of queue and ${a.searchDays} days of search it
needs ${number((oneDisk * 1e9) / TB, 1)} TB of disk for a billion events a day, at most ${a.diskShare * 100} % full.

| events a day | ${days.map(([billions]) => `${billions} billion`).join(' | ')} |
|---|---|---|---|
${row('events/s, average', ({ perS }) => number(perS))}
${row('collectors', (e) => number(e.collectors))}
${row('processors', (e) => number(e.processors))}
${row('stores', (e) => number(e.stores))}
${row('brokers of Kafka, with disks of', (e) => `${number(e.brokers)}, ${number(e.brokerTb, 1)} TB in all`)}
${row('data nodes of OpenSearch, with disks of', (e) => `${number(e.searchNodes)}, ${number(e.searchTb, 1)} TB in all`)}
${row('network between machines, a day', (e) => `${number(e.networkGbPerDay / 1_000, 1)} TB`)}
${row('list price, a month', (e) => `$${number(Math.round(e.dollars / 100) * 100)}`)}

**Assumed, not measured:** the busiest seconds are ${a.peak} times the average, and processors, stores and search nodes can do ${a.catchUp}
times the average; at most ${a.cpuShare * 100} % of the CPU and ${a.diskShare * 100} % of a disk are used; ${a.kafkaCopies} copies in Kafka for ${a.queueDays} days and ${a.searchCopies} in OpenSearch for
${a.searchDays} days, and each copy costs the CPU of the first; a machine has ${a.cores} vCPU and costs $${a.machinePrice} a month (search nodes, with 64 GiB, $${a.searchMachinePrice}), a
GB of network SSD $${a.diskPricePerGb}, a GB between zones $${a.networkPricePerGb}; a broker has at most ${a.brokerDiskTb} TB and a search node ${a.searchDiskTb} TB. A vCPU does what a core did
here. Questions are not counted but in what is spare.

    machines = max(least, events/s × (${a.peak} or ${a.catchUp}) × us × copies ÷ 1,000,000 ÷ (${a.cores} cores × ${a.cpuShare}), disk ÷ disk of one)
    disk     = events a day × days × bytes × copies ÷ ${a.diskShare}
    dollars  = machines × price + disk × ${a.diskPricePerGb} a GB + network × ${MONTH_DAYS} × ${a.networkPricePerGb} a GB`;
}

const [BEGIN, END] = ['<!-- sizing: written by tools/sizing.ts -->', '<!-- end of sizing -->'];

/** The page with its section as it has to be. */
export function withSizing(page: string, measured: Measured): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`docs/scaling.md lacks ${BEGIN} … ${END}`);
  return `${before}${BEGIN}\n\n${sizingSection(measured)}\n\n${END}${after}`;
}

if (import.meta.main) {
  try {
    writeFileSync(SCALING_DOCS, withSizing(readFileSync(SCALING_DOCS, 'utf8'), readMeasured()));
  } catch (thrown) {
    process.stderr.write(`${messageOf(thrown)}\n`);
    process.exitCode = 1;
  }
}
