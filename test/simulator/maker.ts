/**
 * A processor's partition, in the way of src/process/partition.ts: events from raw, each batch with its place in raw,
 * two batches under way at once, commits after that. Where it goes on is found by the processor's own `findStart`.
 */
import { findStart } from '../../src/process/start.ts';
import { type GroupMember, offset, type PartitionReader } from '../../src/queue/port.ts';
import { attempt, Refusal } from './attempt.ts';
import { join } from './group.ts';
import { type Outcome, Owner } from './owner.ts';
import { BrokenPromise, type FoundRecord } from './partition-model.ts';
import type { Process } from './process.ts';
import { readOn, waitAWhile } from './reading.ts';
import { eventRecord, progressRecord } from './values.ts';

/** A processor's work: all partitions, as one member of the group. Ends when there was nothing to do for a while. */
export async function makeEvents(process: Process, partitions: readonly number[]): Promise<void> {
  const member = await attempt(process, 'join', () => join(process, 'processor'));
  if (member instanceof Refusal) return;
  await Promise.all(partitions.map((partition) => make(process, partition, member)));
}

async function make(process: Process, partition: number, member: GroupMember): Promise<void> {
  for (let opens = 0; opens < 4; opens++) {
    process.uncommitted.add(partition);
    const owner = await Owner.open(process, { topic: 'events', partition });
    if (owner === undefined) continue;
    const reader = process.queue.openReader({ topic: 'raw', partition });
    const start = await attempt(process, 'find its place', () => placeOf(process, partition, member, owner, reader));
    const isDone = !(start instanceof Refusal) && (await new Maker(process, member, owner, reader, start).run());
    await attempt(process, 'close a reader', () => reader.close());
    await owner.close();
    if (isDone) return;
  }
}

async function placeOf(
  process: Process,
  partition: number,
  member: GroupMember,
  owner: Owner,
  reader: PartitionReader,
): Promise<number> {
  const { world, queue } = process;
  const committed = (await member.committed({ topic: 'raw', partition })) ?? 0;
  world.check(() => {
    const made = world.model.madeTo(partition);
    if (committed > made) throw new BrokenPromise(`raw/${partition}: ${committed} is committed, made is ${made}`);
  });
  const { signal } = new AbortController();
  return (await findStart({ queue, partition, member, signal }, owner.writer, reader)).rawOffset;
}

class Maker {
  readonly #process: Process;
  readonly #member: GroupMember;
  readonly #owner: Owner;
  readonly #reader: PartitionReader;
  /** Read and appended, or being appended. */
  #position: number;
  /** Durable in events. */
  #reached: number;
  readonly #underWay = new Set<Promise<void>>();
  #outcome: Outcome = 'durable';

  constructor(process: Process, member: GroupMember, owner: Owner, reader: PartitionReader, start: number) {
    this.#process = process;
    this.#member = member;
    this.#owner = owner;
    this.#reader = reader;
    this.#position = start;
    this.#reached = start;
  }

  /** Whether it came to an end; otherwise it begins again where the durable events say. */
  async run(): Promise<boolean> {
    const { world } = this.#process;
    // As a processor does at every takeover: retention may take the marker away.
    await this.#commit();
    for (let idle = 0; idle < 4 && this.#outcome === 'durable'; ) {
      const read = await readOn(this.#process, this.#reader, this.#position, world.pickReadBytes());
      if (read === undefined || read.next === this.#position) {
        idle++;
        await waitAWhile(this.#process, this.#reader, this.#position);
        continue;
      }
      await this.#append(read.found, read.next);
      if (world.random.chance(world.isCalm ? 0.2 : 0.5)) await this.#commit();
    }
    await Promise.all(this.#underWay);
    await this.#commit();
    return this.#outcome === 'durable';
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
    const at = { topic: 'raw', partition: this.#reader.partition };
    const reached = this.#reached;
    const done = await attempt(this.#process, 'commit', () => this.#member.commit(at, offset(reached)));
    if (!(done instanceof Refusal) && reached === this.#position)
      this.#process.uncommitted.delete(this.#reader.partition);
  }
}
