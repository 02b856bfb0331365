/**
 * A collector: takes all partitions of raw over, sends what its sources say to their partitions, and makes room for
 * partitions that are added in the way of src/collect/growth.ts.
 */
import { offset } from '../../src/queue/port.ts';
import { attempt, Refusal } from './attempt.ts';
import { type Outcome, Owner } from './owner.ts';
import type { Process } from './process.ts';
import { partitionOfSource, SOURCES } from './source-order.ts';
import { rawValue } from './values.ts';

const RECORD_BYTES = [0, 0, 10, 60, 200, 700];

/** Groups of appends, some at once, until it has had its rounds. */
export async function collect(process: Process): Promise<void> {
  const { world } = process;
  let rounds = world.isCalm ? 2 : world.random.between(5, 14);
  for (let opens = 0; opens < 3 && rounds > 0; opens++) {
    const collector = await Collector.open(process);
    for (; rounds > 0 && collector.isOpen; rounds--) await collector.round();
    await collector.close();
  }
}

/** Takes all of raw over, which reads all of it, and leaves it. */
export async function audit(process: Process): Promise<void> {
  await (await Collector.open(process)).close();
}

class Collector {
  readonly #process: Process;
  readonly #owners: Owner[] = [];
  readonly #underWay = new Set<Promise<unknown>>();
  #growing: Promise<void> | undefined;
  #isOpen = true;

  private constructor(process: Process) {
    this.#process = process;
  }

  static async open(process: Process): Promise<Collector> {
    const collector = new Collector(process);
    await collector.#grow();
    return collector;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  async round(): Promise<void> {
    const { random } = this.#process.world;
    const { partitions, unbarred } = this.#process.queue.layout('raw');
    if (partitions > this.#owners.length || unbarred.length > 0) this.#growOn();
    for (let sends = random.between(1, 4); sends > 0 && this.#isOpen; sends--) {
      if (random.chance(0.5)) await this.#process.turn();
      this.#send(random.pick(SOURCES));
    }
    // While partitions are added, much is under way.
    if (random.chance(this.#growing === undefined ? 0.7 : 0.1)) await Promise.all(this.#underWay);
    await this.#process.turn();
  }

  async close(): Promise<void> {
    await Promise.all(this.#underWay);
    await this.#growing;
    await Promise.all(this.#owners.map((owner) => owner.close()));
  }

  #send(source: number): void {
    const { world, queue, name } = this.#process;
    const { random, clock } = world;
    const { firstPartitions } = queue.layout('raw');
    const owner = this.#owners[partitionOfSource(source, firstPartitions, this.#owners.length)];
    if (owner === undefined) return;
    const records = Array.from({ length: random.between(1, 3) }, () => {
      const value = rawValue(source, world.nextNumber(), name, random.pick(RECORD_BYTES));
      return { value, timestampMs: clock.now() - random.below(3) * 1_000 };
    });
    const append: Promise<Outcome> = owner.append(records);
    const settled = append.then((outcome) => {
      this.#underWay.delete(settled);
      // Whether it is there is not known: the next owner finds out.
      if (outcome === 'over') this.#isOpen = false;
    });
    this.#underWay.add(settled);
    settled.catch(() => undefined);
  }

  #growOn(): void {
    this.#growing ??= this.#grow().finally(() => {
      this.#growing = undefined;
    });
    this.#growing.catch(() => undefined);
  }

  async #grow(): Promise<void> {
    const { queue } = this.#process;
    const owners = this.#owners;
    const added: Owner[] = [];
    while (owners.length + added.length < queue.partitionCount('raw')) {
      const owner = await Owner.open(this.#process, { topic: 'raw', partition: owners.length + added.length });
      if (owner === undefined) {
        this.#isOpen = false;
        await Promise.all(added.map((opened) => opened.close()));
        return;
      }
      added.push(owner);
    }
    const before = [...this.#underWay];
    owners.push(...added);
    await Promise.all(before);
    if (!this.#isOpen || queue.layout('raw').unbarred.length === 0) return;
    const ends = owners.map(({ durableTo }) => offset(durableTo));
    const done = await attempt(this.#process, 'register a barrier of raw', () => queue.registerBarrier('raw', ends));
    if (!(done instanceof Refusal))
      this.#process.world.trace.add(`${this.#process.name} bars raw at ${ends.join(' ')}`);
  }
}
