/** Who works on the simulated machine, besides collectors and the makers of events. Each ends by itself, or with its process. */
import { offset, type TopicPartition } from '../../src/queue/port.ts';
import { attempt, Refusal } from './attempt.ts';
import { type Assignment, Membership } from './group.ts';
import type { Process } from './process.ts';
import { readOn, waitAWhile } from './reading.ts';

/** A reader that looks here and there, by offset and by time, and reads on for a while. */
export async function lookAround(process: Process): Promise<void> {
  const { world } = process;
  const { random } = world;
  for (let looks = world.isCalm ? 1 : random.between(2, 5); looks > 0; looks--) {
    const topic = random.pick(['raw', 'events']);
    const at = { topic, partition: random.below(process.queue.partitionCount(topic)) };
    const reader = process.queue.openReader(at);
    const range = await attempt(process, 'look for the ends', async () => ({
      earliest: (await reader.earliestOffset()) as number,
      end: (await reader.endOffset()) as number,
    }));
    if (!(range instanceof Refusal)) {
      let next = range.earliest + random.below(Math.max(1, range.end - range.earliest + 1));
      if (random.chance(0.3)) next = random.below(range.end + 1);
      if (random.chance(0.4)) next = (await lookForTime(process, at, range)) ?? next;
      for (let reads = random.between(1, 4); reads > 0; reads--) {
        const read = await readOn(process, reader, next, world.pickReadBytes());
        if (read === undefined) break;
        if (read.next === next) await waitAWhile(process, reader, next);
        next = read.next;
      }
    }
    await attempt(process, 'close a reader', () => reader.close());
  }
}

async function lookForTime(
  process: Process,
  at: TopicPartition,
  before: { readonly earliest: number; readonly end: number },
): Promise<number | undefined> {
  const { world } = process;
  const reader = process.queue.openReader(at);
  const timeMs = world.clock.now() - world.random.below(20_000);
  const found = await attempt(process, 'look for a time', async () => {
    const at = await reader.offsetAtTime(timeMs);
    world.check(() => world.model.partition(reader).foundTime(timeMs, at, before.earliest, before.end));
    return at as number;
  });
  await attempt(process, 'close a reader', () => reader.close());
  return found instanceof Refusal ? undefined : found;
}

/** The store: reads events, and commits what it has taken over. */
export function store(process: Process): Promise<void> {
  return Membership.live(process, {
    group: 'store',
    topic: 'events',
    work: (assignment) => takeOver(process, assignment),
    mustStay: () => process.world.isUnfinished,
  });
}

async function takeOver(process: Process, assignment: Assignment): Promise<void> {
  const { world } = process;
  const { partition: assigned } = assignment;
  const reader = process.queue.openReader(assigned);
  const started = await attempt(process, 'ask for the position', () => assigned.committed());
  let committed: number = started instanceof Refusal ? 0 : (started ?? 0);
  let next = committed;
  let canGoOn = !(started instanceof Refusal);
  if (canGoOn && !assigned.isLost) world.check(() => world.model.sources.begins(assigned, committed));
  while (canGoOn && !assignment.isOver) {
    const read = await readOn(process, reader, next, world.pickReadBytes());
    const hadSomething = read !== undefined && read.next !== next;
    assignment.looked(hadSomething);
    if (hadSomething) {
      world.check(() => world.model.sources.took(assigned, read.found, read.next));
      next = read.next;
    }
    // Added partitions may wait for a commit, so it is not put off for ever.
    if (next > committed && (!hadSomething || world.random.chance(world.isCalm ? 0.2 : 0.5))) {
      const position = next;
      const done = await attempt(process, 'commit', () => assigned.commit(offset(position)));
      if (!(done instanceof Refusal)) committed = position;
      else if (done.code !== 'DISK_FULL') canGoOn = false;
    }
    if (!hadSomething) await waitAWhile(process, reader, next);
  }
  await attempt(process, 'close a reader', () => reader.close());
}
