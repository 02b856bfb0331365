/** The generated section of docs/scaling.md. */
import { join } from 'node:path';
import { ASSUMED, LUCENE_MAX_DOCS } from './assumed.ts';
import { type Estimate, estimate, MONTH_DAYS, type NodesEstimate, type RoleEstimate } from './estimate.ts';
import { type Measured, ROLES } from './measured.ts';
import { type ShardsEstimate, shardsOf } from './shards.ts';

export const SCALING_DOCS = join(import.meta.dirname, '../../docs/scaling.md');
const [BEGIN, END] = ['<!-- sizing: written by tools/sizing.ts -->', '<!-- end of sizing -->'];
const BILLION = 1e9;
const BILLIONS = [1, 10, 100];
const TB = 1e12;
/** `search.index.shards` and `storage.shards` go no further. */
const MOST_SHARDS = 1_024;

/** The page with its section as it has to be. */
export function withSizing(page: string, measured: Measured): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`docs/scaling.md lacks ${BEGIN} … ${END}`);
  const parts = [costs(measured), machines(measured), assumptions(), shards(measured), processes(measured)];
  return `${before}${BEGIN}\n\n${parts.join('\n\n')}\n\n${END}${after}`;
}

const number = (value: number, digits = 0): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: 0 });

const HEAD = BILLIONS.map((billions) => `${billions} billion`).join(' | ');

function tableRow<T>(name: string, columns: readonly T[], of: (column: T) => string): string {
  return `| ${name} | ${columns.map(of).join(' | ')} |`;
}

function costs(measured: Measured): string {
  const { one, cpuUs, mainThreadUs } = measured;
  const a = ASSUMED;
  const ofRoles = (of: Readonly<Record<string, number>>) => ROLES.map((role) => of[role]).join(' + ');
  const oneDisk = (one.queueBytes * a.queueDays + one.indexBytes * a.searchDays) / a.diskShare;
  const unmerged = number(measured.unmergedIndexBytes / measured.indexBytes, 2);
  return `| measured, of one event of about 330 bytes | embedded, one machine | Kafka and OpenSearch |
|---|---|---|
| CPU of collector, processor and store | ${number(one.cpuUs, 1)} us together | ${ofRoles(cpuUs)} us |
| of that in the thread that runs JavaScript | not measured | ${ofRoles(mainThreadUs)} us |
| CPU of the engines beside them | none | Kafka ${cpuUs.Kafka} us, OpenSearch ${cpuUs.OpenSearch} us |
| the queue's disk, \`raw\` and \`events\`, one copy | ${number(one.queueBytes)} bytes | ${number(measured.queueBytes)} bytes |
| the index, one copy | ${number(one.indexBytes)} bytes | ${number(measured.indexBytes)} bytes merged, ${number(measured.unmergedIndexBytes)} as it lay after the load |
| through sockets, without the engines' own copies | none | ${number(measured.wireBytes)} bytes |

The right column: ${measured.how}

**The index is reckoned after a merge** of each shard to one segment (\`_forcemerge\`), which nothing does in production. As it lay right after
the load it was ${unmerged} times as large; merges that OpenSearch makes by itself come to something between, and need room while they run. Multiply
disks and nodes of OpenSearch by up to ${unmerged} where you want to be sure.

One machine with the embedded engines did ${number(one.perS)} events/s on 2 cores. For ${a.queueDays} days of queue and ${a.searchDays} days of search it
needs ${number((oneDisk * BILLION) / TB, 1)} TB of disk for a billion events a day, at most ${a.diskShare * 100} % full.`;
}

function machines(measured: Measured): string {
  const days = BILLIONS.map((billions) => estimate(billions * BILLION, measured));
  const row = (name: string, of: (day: Estimate) => string) => tableRow(name, days, of);
  const role = ({ machines: count, processes: all }: RoleEstimate) => `${number(count)}, ${number(all)} processes`;
  const nodes = ({ nodes: count, diskTb }: NodesEstimate) => `${number(count)}, ${number(diskTb, 1)} TB in all`;
  const each = (of: (day: Estimate) => number) => days.map((day) => number(of(day))).join(', ');
  return `| events a day | ${HEAD} |
|---|---|---|---|
${row('events/s, average', ({ perS }) => number(perS))}
${row('machines of collectors, with', ({ roles }) => role(roles.collector))}
${row('machines of processors, with', ({ roles }) => role(roles.processor))}
${row('machines of stores, with', ({ roles }) => role(roles.store))}
${row('partitions of `raw` and `events`, at least', ({ partitions }) => number(partitions))}
${row('brokers of Kafka, with disks of', ({ brokers }) => nodes(brokers))}
${row('data nodes of OpenSearch, with disks of', ({ searchNodes }) => nodes(searchNodes))}
${row('network between machines, a day', (day) => `${number(day.networkGbPerDay / 1_000, 1)} TB`)}
${row('list price, a month', ({ dollars }) => `$${number(Math.round(dollars / 100) * 100)}`)}

By their CPU alone it would be ${each(({ brokers }) => brokers.byCpu)} brokers and ${each(({ searchNodes }) => searchNodes.byCpu)} nodes, by their disks alone
${each(({ brokers }) => brokers.byDisk)} and ${each(({ searchNodes }) => searchNodes.byDisk)}: the larger counts, and never fewer than 3.`;
}

function assumptions(): string {
  const a = ASSUMED;
  return `**Assumed, not measured:** the busiest seconds are ${a.peak} times the average, and processors, stores and search nodes can do ${a.catchUp}
times the average; at most ${a.cpuShare * 100} % of the CPU, of a process's thread of JavaScript, and ${a.diskShare * 100} % of a disk are used; ${a.kafkaCopies} copies in Kafka for ${a.queueDays} days and ${a.searchCopies} in
OpenSearch for ${a.searchDays} days, and each copy costs the CPU of the first; a machine has ${a.cores} vCPU and costs $${a.machinePrice} a month (search nodes, with 64 GiB, $${a.searchMachinePrice}), a
GB of network SSD $${a.diskPricePerGb}, a GB between zones $${a.networkPricePerGb}; a broker has at most ${a.brokerDiskTb} TB and a search node ${a.searchDiskTb} TB. A vCPU does what a core did
here. Questions are not counted but in what is spare. Measured was one process of each role with one broker and one node on two cores: no installation of several machines was.

    machines  = max(least, events/s × (${a.peak} or ${a.catchUp}) × us × copies ÷ 1,000,000 ÷ (${a.cores} cores × ${a.cpuShare}), disk ÷ disk of one)
    processes = max(2, events/s × (${a.peak} or ${a.catchUp}) × us in the thread ÷ 1,000,000 ÷ ${a.cpuShare})
    disk      = events a day × days × bytes × copies ÷ ${a.diskShare}
    dollars   = machines × price + disk × ${a.diskPricePerGb} a GB + network × ${MONTH_DAYS} × ${a.networkPricePerGb} a GB`;
}

function processes({ cpuUs, mainThreadUs, memoryMib }: Measured): string {
  const cores = ROLES.map((role) => `${role} ${number(cpuUs[role] / mainThreadUs[role], 2)}`).join(', ');
  const most = ROLES.map((role) => `${role} ${number(Math.round(1e6 / mainThreadUs[role] / 100) * 100)}`).join(', ');
  const memory = ROLES.map((role) => `${role} ${number(memoryMib[role])}`).join(', ');
  return `### Several processes on a machine

**A role is one thread of JavaScript.** What it does beside (compression, sockets, garbage) has threads of its own, so a process that is busy takes a little
more than one core (${cores}), and never the ${ASSUMED.cores} of a machine. Flat out, by the measured CPU, one takes so many events a second:
${most}. For more there are more processes, of which a machine runs several: each has used so many MiB: ${memory}.`;
}

function shards(measured: Measured): string {
  const a = ASSUMED;
  const columns = BILLIONS.map((billions) => ({
    nodes: estimate(billions * BILLION, measured).searchNodes.nodes,
    of: (hours: number) => shardsOf(billions * BILLION, hours, measured),
  }));
  type Column = (typeof columns)[number];
  const row = (name: string, of: (column: Column) => string) => tableRow(name, columns, of);
  const size = ({ events, gb }: ShardsEstimate) => `${number(events / 1e6)} million events, ${number(gb)} GB`;
  const count = (shard: ShardsEstimate) =>
    shard.shards > MOST_SHARDS ? `${number(shard.shards)}: too long a slice` : `**${number(shard.shards)}**`;
  const cell = (hours: number) => (column: Column) => `${count(column.of(hours))} (${size(column.of(hours))})`;
  const kept = (hours: number) => (column: Column) =>
    `${number(column.of(hours).kept)}, ${number(column.of(hours).kept / column.nodes)} a node`;
  const fullAt = (hours: number) => number((LUCENE_MAX_DOCS * 24) / hours / BILLION, 1);
  const tier = (billions: number, hours: number) => shardsOf(billions * BILLION, hours, measured).shards;
  return `### Shards

**The default is one shard a slice** (\`search.index.shards: 1\`): right for a small installation, and wrong for a large one. Lucene takes
${number(LUCENE_MAX_DOCS)} events in a shard and no more, and one node does all the indexing of a primary. With one shard a slice of a day is full at
${fullAt(24)} billion events a day, one of six hours at ${fullAt(6)}. Primary shards of a slice, where so much goes to one at a time: to that of one tenant with slices of its
own, or to that which all small ones share:

| events a day that go to one slice | ${HEAD} |
|---|---|---|---|
${row('shards at the least, by the CPU of indexing', ({ of }) => number(of(1).byCpu))}
${row('slices of a day (tiers `shared` and `own`)', cell(24))}
${row('slices of 6 hours (tier `large`)', cell(6))}
${row('slices of an hour', cell(1))}
${row(`shards kept in ${a.searchDays} days with copies, slices of 6 hours`, kept(6))}
${row('the same with slices of an hour', kept(1))}

    shards = max(events × bytes of the index ÷ ${a.shardGb} GB, events/s × ${a.catchUp} × us of OpenSearch ÷ 1,000,000 ÷ (${a.cores} cores × ${a.cpuShare}), events ÷ ${number(LUCENE_MAX_DOCS)})

${a.shardGb} GB is the upper end of [what AWS advises for logs](https://docs.aws.amazon.com/wellarchitected/latest/amazon-opensearch-service-lens/aosperf01-bp01.html) (30 to ${a.shardGb} GB a shard, at most 25 shards for a GiB of
heap and 1,000 a node); at these events it is ${number((a.shardGb * 1_000) / measured.indexBytes)} million, far below Lucene's limit. Shorter slices have fewer shards each, so fewer are written
at a time and a question about the last hour opens fewer; but those that are kept are what a cluster has to bear, and slices of too many small tenants are many small shards. In [tiers](slices.md#tiers-of-your-own) each kind of
tenant has its own (\`search.index.shards\` is for tiers without \`storage.shards\`; either holds for new slices):

\`\`\`yaml
search:
  engine: opensearch
  nodes: [https://search-1:9200]
  tiers:
    # Small tenants, together up to a billion a day.
    - { name: shared, storage: { shards: ${tier(1, 24)} } }
    # Each up to 200 million a day, up to a billion, up to ten billion.
    - { name: own, events: 20000000, own: true, storage: { shards: ${tier(0.2, 24)} } }
    - { name: large, events: 200000000, own: true, slice: 6h, storage: { shards: ${tier(1, 6)} } }
    - { name: huge, events: 1000000000, own: true, slice: 1h, storage: { shards: ${tier(10, 1)} } }
\`\`\`

At most 64 tenants have slices of their own; those of all others are shared, whatever they send. Reckon with the busiest days, not the average. The events of a slice
whose shard is full wait until it has more room ([how](engines/opensearch.md#full-slices)), and \`spillway doctor\` warns before. Such a
cluster was never run: at most a node with one shard a slice was. Whether one cluster bears the nodes and shards of the right column was not tried either.`;
}
