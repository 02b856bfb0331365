/** Makes trouble, from the seed: jumps the clock, fills the disk, damages, kills, takes over, adds. */
import { batchIsIntact, readBatchHeader } from '../../src/event/record-batch.ts';
import { GROUP_LIMITS } from '../../src/lib/limits.ts';
import { chainOf } from '../../src/queue/segment-log/chain.ts';
import { attempt } from './attempt.ts';
import { DIRECTORY, type Process } from './process.ts';
import type { World } from './world.ts';

const HOUR_MS = 3_600_000;
const MOST_PARTITIONS = 4;
const MOST_OF_A_KIND = 3;

/** `startAgain`: puts another process of the kind to work. */
export async function makeTrouble(world: World, startAgain: (kind: string) => void): Promise<void> {
  const { random, mood, scheduler } = world;
  for (let steps = 0; steps < 40 && !world.isCut && world.failure === undefined; steps++) {
    for (let turns = random.below(12); turns >= 0; turns--) await scheduler.turn('trouble');
    if (world.isCut) return;
    keepHouse(world);
    await world.pass(random.below(3_000));
    if (world.isCalm || world.isCut) continue;
    if (random.chance(mood.clockJumps)) {
      world.nowMs += random.pick([-7, -0.01, 0.01, 1, 7]) * HOUR_MS;
      world.trace.add(`the clock says ${world.nowMs}`);
    }
    if (random.chance(mood.diskFills)) fillDisk(world);
    if (random.chance(mood.bitsRot)) damageSomething(world);
    if (random.chance(0.1)) forgetPages(world);
    if (random.chance(mood.additions)) addPartition(world);
    if (random.chance(mood.silences)) await beSilent(world);
    const kind = random.pick(['collector', 'processor', 'store']);
    if (random.chance(mood.takeovers) && kind === 'collector') {
      world.trace.add('another collector takes over');
      for (const process of world.living(kind)) process.isReplaced = true;
      startAgain(kind);
    }
    if (random.chance(mood.joins) && kind !== 'collector' && world.living(kind).length < MOST_OF_A_KIND) {
      world.trace.add(`another ${kind} joins`);
      startAgain(kind);
    }
    if (random.chance(mood.kills)) {
      const isEvery = kind === 'collector' || random.chance(0.5);
      for (const process of world.living(kind)) if (isEvery || random.chance(0.5)) process.kill();
      world.trace.add(`${isEvery ? 'every' : 'some'} ${kind} is killed`);
      startAgain(kind);
    }
  }
  world.capacityBytes = undefined;
}

/**
 * A while in which some processes are not heard, as long as it takes to be taken for dead, or late; they go on with
 * their work. Others say that they live.
 */
async function beSilent(world: World): Promise<void> {
  const { random, scheduler, mood } = world;
  const members = world.processes.filter(({ isDead, members }) => !isDead && members.length > 0);
  const silent = mood.takeovers > 0 && members.length > 0 ? random.pick(members) : undefined;
  if (silent !== undefined) silent.isSilent = true;
  world.trace.add(`time passes, ${silent?.name ?? 'nobody'} is silent`);
  for (let slices = random.between(1, 5); slices > 0 && !world.isCut; slices--) {
    for (const process of members) if (!process.isDead) void process.queue.heartbeat();
    for (let turns = random.below(12); turns >= 0; turns--) await scheduler.turn('trouble');
    await world.pass(GROUP_LIMITS.sessionTimeoutMs / 3);
  }
  if (silent !== undefined) silent.isSilent = random.chance(0.3);
}

function addPartition(world: World): void {
  const [supervisor] = world.processes;
  if (supervisor === undefined || supervisor.isDead) return;
  const wanted = supervisor.queue.partitionCount('raw') + 1;
  if (wanted > MOST_PARTITIONS) return;
  world.trace.add(`partition ${wanted - 1} is added`);
  const counts = { raw: wanted, events: wanted };
  const added = attempt(supervisor, 'add a partition', () => supervisor.coordinator.raisePartitions(counts));
  world.spawn(supervisor, added);
}

/** What the roles do every now and then. */
function keepHouse(world: World): void {
  const { random } = world;
  const working = world.processes.filter((process) => !process.isDead);
  if (working.length === 0) return;
  const process = random.pick(working);
  void process.queue.heartbeat();
  if (!random.chance(0.5) || process.isRetaining || process.uncommitted.size > 0) return;
  process.isRetaining = true;
  world.spawn(process, retain(process));
}

async function retain(process: Process): Promise<void> {
  await attempt(process, 'remove what may go', () => process.queue.retain());
  process.isRetaining = false;
}

function fillDisk(world: World): void {
  const { random, disk } = world;
  const isFull = world.capacityBytes !== undefined;
  world.capacityBytes = isFull ? undefined : disk.usedBytes + random.below(600);
  world.wasFull = true;
  world.trace.add(isFull ? 'the disk has room' : `the disk takes ${world.capacityBytes} bytes`);
}

/** After a sync that failed: what seems to be there is not even seen any more. */
function forgetPages(world: World): void {
  for (const path of world.disk.files()) {
    if (world.disk.isDurable(path)) continue;
    world.disk.evict(path);
    world.hadErrors = true;
  }
}

/** Batches of a segment as they stand on the disk; undefined where not all of it is known to be whole and durable. */
function wholeBatches(world: World, path: string) {
  if (!world.disk.isDurable(path)) return undefined;
  const content = world.disk.content(path);
  const batches: { from: number; to: number; base: number; next: number; groupStart: number }[] = [];
  for (let from = 0; from < content.length; ) {
    const header = readBatchHeader(content, from);
    if (header === undefined) return undefined;
    const to = from + header.sizeBytes;
    if (to > content.length || !batchIsIntact(content.subarray(from, to))) return undefined;
    const { baseOffset: base, groupStart } = header;
    batches.push({ from, to, base, next: base + header.recordCount, groupStart });
    from = to;
  }
  return batches;
}

/**
 * A bit flips, or a sector is zeroes, in bytes that the log can prove to have been durable: before the last group of a
 * segment, or anywhere in one that another one follows durably.
 */
export function damageSomething(world: World): void {
  const { random, disk } = world;
  const paths = disk.files().filter((path) => path.endsWith('.log'));
  if (paths.length === 0) return;
  const path = random.pick(paths);
  const batches = wholeBatches(world, path);
  if (batches === undefined) return;
  const [topic = '', partition = '', name = ''] = path.slice(DIRECTORY.length + 1).split('/');
  const folder = `${DIRECTORY}/${topic}/${partition}/`;
  const { segments } = chainOf(
    paths.filter((other) => other.startsWith(folder)).map((other) => other.slice(folder.length)),
  );
  const index = segments.findIndex((segment) => segment.name === name);
  const bound = segments[index]?.bound ?? 0;
  const isFollowed = segments
    .slice(index + 1)
    .some(({ name: later }) => (wholeBatches(world, folder + later)?.length ?? 0) > 0);
  const model = world.model.partition({ topic, partition: Number(partition) });
  const provenTo = isFollowed ? (batches.at(-1)?.to ?? 0) : (batches.at(-1)?.groupStart ?? 0);
  // The newest marker in events says where the next processor goes on: nobody can say so in its place.
  const newest = topic === 'events' ? Math.max(...model.known.keys()) : Number.POSITIVE_INFINITY;
  const proven = batches.filter(({ to, base, next }) => to <= provenTo && base < bound && next <= newest);
  const end = proven.at(-1)?.to ?? 0;
  if (end === 0) return;
  const at = random.below(end);
  const sector = at - (at % 512);
  const [from, to] = random.chance(0.7) ? [at, at + 1] : [sector, Math.min(sector + 512, end)];
  const bit = 1 << random.below(8);
  disk.corrupt(path, (content) => {
    if (to - from === 1) content[from] = (content[from] ?? 0) ^ bit;
    else content.fill(0, from, to);
    return content;
  });
  const hit = proven.filter((batch) => batch.from < to && batch.to > from);
  for (const { base, next } of hit) model.damage(base, next);
  world.damaged.set(path, to);
  world.trace.add(
    `${path} is damaged from ${from} to ${to}: offsets ${hit[0]?.base} to ${(hit.at(-1)?.next ?? 0) - 1}`,
  );
}
