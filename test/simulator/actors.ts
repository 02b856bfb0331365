/** Who works on the simulated machine, besides the makers of events. Each ends by itself, or with its process. */
import { offset, type TopicPartition } from '../../src/queue/port.ts';
import { attempt, Refusal } from './attempt.ts';
import { join } from './group.ts';
import { Owner } from './owner.ts';
import type { Process } from './process.ts';
import { readOn, waitAWhile } from './reading.ts';
import { rawValue } from './values.ts';

const RECORD_BYTES = [0, 0, 10, 60, 200, 700];

/** A collector's partition of raw: groups of appends, some at once, until it has had its rounds. */
export async function produce(process: Process, partition: number): Promise<void> {
  const { world } = process;
  const { random } = world;
  let rounds = world.isCalm ? 1 : random.between(3, 8);
  for (let opens = 0; opens < 3 && rounds > 0; opens++) {
    const owner = await Owner.open(process, { topic: 'raw', partition });
    if (owner === undefined) continue;
    let isOver = false;
    for (; rounds > 0 && !isOver; rounds--) {
      const appends = Array.from({ length: random.between(1, 3) }, async () => {
        if (random.chance(0.5)) await process.turn();
        return owner.append(newRecords(process));
      });
      isOver = (await Promise.all(appends)).includes('over');
      await process.turn();
    }
    await owner.close();
  }
}

/** Takes a partition of raw over, which reads all of it, and leaves it. */
export async function audit(process: Process, partition: number): Promise<void> {
  await (await Owner.open(process, { topic: 'raw', partition }))?.close();
}

function newRecords({ name, world }: Process) {
  const { random, clock } = world;
  return Array.from({ length: random.between(1, 3) }, () => {
    const value = rawValue(name, world.nextNumber(), random.pick(RECORD_BYTES));
    return { value, timestampMs: clock.now() - random.below(3) * 1_000 };
  });
}

/** A reader that looks here and there, by offset and by time, and reads on for a while. */
export async function lookAround(process: Process): Promise<void> {
  const { world } = process;
  const { random } = world;
  for (let looks = world.isCalm ? 1 : random.between(2, 5); looks > 0; looks--) {
    const at = { topic: random.pick(['raw', 'events']), partition: random.below(2) };
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
export async function store(process: Process): Promise<void> {
  const { world } = process;
  const { random } = world;
  const member = await attempt(process, 'join', () => join(process, 'store'));
  if (member instanceof Refusal) return;
  const partitions = [0, 1].map((partition) => ({ topic: 'events', partition }));
  await Promise.all(
    partitions.map(async (at) => {
      const reader = process.queue.openReader(at);
      const committed = await attempt(process, 'ask for the position', () => member.committed(at));
      if (committed instanceof Refusal) return;
      let next: number = committed ?? 0;
      for (let idle = 0; idle < 4; ) {
        const read = await readOn(process, reader, next, world.pickReadBytes());
        if (read === undefined || read.next === next) {
          idle++;
          await waitAWhile(process, reader, next);
          continue;
        }
        next = read.next;
        if (random.chance(world.isCalm ? 0.2 : 0.5)) {
          const done = await attempt(process, 'commit', () => member.commit(at, offset(next)));
          if (done instanceof Refusal && done.code !== 'DISK_FULL') break;
        }
      }
      await attempt(process, 'close a reader', () => reader.close());
    }),
  );
}
