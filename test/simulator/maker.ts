/**
 * A processor's partition, in the way of src/process/partition.ts: events from raw, each batch with its place in raw,
 * two batches under way at once, commits after that. Where it goes on is found by the processor's own `findStart`.
 */
import { barEvents, mustBarEvents } from '../../src/process/barrier.ts';
import { findStart } from '../../src/process/start.ts';
import { offset, type PartitionReader } from '../../src/queue/port.ts';
import { attempt, Refusal } from './attempt.ts';
import { type Assignment, Membership } from './group.ts';
import { type Outcome, Owner } from './owner.ts';
import { BrokenPromise, type FoundRecord } from './partition-model.ts';
import type { Process } from './process.ts';
import { readOn, waitAWhile } from './reading.ts';
import { eventRecord, progressRecord } from './values.ts';

/** A processor's work: the partitions that it is assigned as a member of its group. */
export function makeEvents(process: Process): Promise<void> {
  return Membership.live(process, {
    group: 'processor',
    topic: 'raw',
    work: (assignment) => make(process, assignment),
    mustStay: () => process.world.isUnfinished,
  });
}

async function make(process: Process, assignment: Assignment): Promise<void> {
  const { partition } = assignment.partition;
  for (let opens = 0; opens < 4 && !assignment.isOver; opens++) {
    if (!(await bar(process, assignment))) continue;
    process.uncommitted.add(partition);
    const owner = await Owner.open(process, { topic: 'events', partition });
    if (owner !== undefined) {
      const reader = process.queue.openReader({ topic: 'raw', partition });
      const start = await attempt(process, 'find its place', () => placeOf(process, assignment, owner, reader));
      if (!(start instanceof Refusal)) await new Maker(process, assignment, owner, reader, start).run();
      await attempt(process, 'close a reader', () => reader.close());
      await owner.close();
    }
    process.uncommitted.delete(partition);
  }
}

/** Whether it may begin: what its sources wrote to earlier partitions of events is before their barrier. */
async function bar(process: Process, assignment: Assignment): Promise<boolean> {
  const { queue } = process;
  const { partition } = assignment.partition;
  if (!mustBarEvents(queue, partition)) return true;
  assignment.waits();
  const { signal } = assignment;
  const done = await attempt(process, 'register a barrier of events', () => barEvents(queue, partition, signal));
  return !(done instanceof Refusal) && !signal.aborted;
}

async function placeOf(
  process: Process,
  { partition: assigned }: Assignment,
  owner: Owner,
  reader: PartitionReader,
): Promise<number> {
  const { world, queue } = process;
  const { partition } = assigned;
  const committed = (await assigned.committed()) ?? 0;
  world.check(() => {
    const made = world.model.madeTo(partition);
    if (committed > made) throw new BrokenPromise(`raw/${partition}: ${committed} is committed, made is ${made}`);
  });
  const { signal } = new AbortController();
  return (await findStart({ queue, assigned, signal }, owner.writer, reader)).rawOffset;
}

class Maker {
  readonly #process: Process;
  readonly #assignment: Assignment;
  readonly #owner: Owner;
  readonly #reader: PartitionReader;
  /** Read and appended, or being appended. */
  #position: number;
  /** Durable in events. */
  #reached: number;
  #committed = -1;
  readonly #underWay = new Set<Promise<void>>();
  #outcome: Outcome = 'durable';

  constructor(process: Process, assignment: Assignment, owner: Owner, reader: PartitionReader, start: number) {
    this.#process = process;
    this.#assignment = assignment;
    this.#owner = owner;
    this.#reader = reader;
    this.#position = start;
    this.#reached = start;
  }

  /** Until it is to be given up; or where it cannot go on: then it begins again where the durable events say. */
  async run(): Promise<void> {
    const { world } = this.#process;
    // As a processor does at every takeover: retention may take the marker away.
    await this.#commit();
    while (!this.#assignment.isOver && this.#outcome === 'durable') {
      const read = await readOn(this.#process, this.#reader, this.#position, world.pickReadBytes());
      const hadSomething = read !== undefined && read.next !== this.#position;
      this.#assignment.looked(hadSomething);
      if (!hadSomething) {
        // Added partitions may wait for that.
        if (this.#reached > this.#committed) await this.#commit();
        await waitAWhile(this.#process, this.#reader, this.#position);
        continue;
      }
      // What came after a refused append would pass it over.
      if (this.#outcome !== 'durable') break;
      await this.#append(read.found, read.next);
      if (world.random.chance(world.isCalm ? 0.2 : 0.5)) await this.#commit();
    }
    await Promise.all(this.#underWay);
    await this.#commit();
  }

  async #append(found: readonly FoundRecord[], next: number): Promise<void> {
    const nowMs = this.#process.world.clock.now();
    // What follows a batch that is not durable must not be appended.
    if (this.#outcome !== 'durable') return;
    const events = found.map((record) => eventRecord(record, nowMs));
    this.#position = next;
    this.#process.uncommitted.add(this.#reader.partition);
    const append = this.#owner.append([...events, progressRecord(next, nowMs)]).then((outcome) => {
      this.#underWay.delete(append);
      if (outcome !== 'durable') this.#outcome = outcome;
      else this.#reached = Math.max(this.#reached, next);
    });
    this.#underWay.add(append);
    // Whoever waits for it below is told of its failure, if the process lives so long.
    append.catch(() => undefined);
    if (this.#underWay.size > 1) await Promise.all(this.#underWay);
  }

  async #commit(): Promise<void> {
    const { partition: assigned } = this.#assignment;
    const reached = this.#reached;
    const done = await attempt(this.#process, 'commit', () => assigned.commit(offset(reached)));
    if (done instanceof Refusal) return;
    this.#committed = reached;
    if (reached === this.#position) this.#process.uncommitted.delete(assigned.partition);
  }
}
