/** One life of the simulated machine: from its start to a power cut, a kill, or a quiet end. */
import { PowerCut } from '../../src/lib/memory-disk.ts';
import { lookAround, store } from './actors.ts';
import { attempt, Refusal } from './attempt.ts';
import { audit, collect } from './collector.ts';
import { makeEvents } from './maker.ts';
import { BrokenPromise } from './partition-model.ts';
import type { Process } from './process.ts';
import { makeTrouble } from './trouble.ts';
import type { World } from './world.ts';

/** What each kind of process does; several may be at it at once. */
const WORK: Readonly<Record<string, (process: Process) => Promise<unknown>>> = {
  collector: collect,
  processor: makeEvents,
  auditor: audit,
  taker: store,
  store: (process) => Promise.all([store(process), lookAround(process)]),
};

/** Throws a BrokenPromise. */
export async function live(world: World): Promise<void> {
  let number = 1;
  const start = (kind: string) => {
    if (world.isCut || world.failure !== undefined) return;
    const process = world.start(`${kind}-${number++}`);
    world.spawn(process, Promise.resolve(WORK[kind]?.(process)));
  };
  await phase(world, async () => {
    const supervisor = world.start('supervisor');
    const started = await attempt(supervisor, 'start', () => world.startSupervisor(supervisor));
    if (started instanceof Refusal) return;
    for (const kind of ['collector', 'processor', 'store']) start(kind);
    if (world.random.chance(0.3)) start('processor');
    if (world.random.chance(0.3)) start('store');
    await makeTrouble(world, start);
  });
  if (world.isCut || !world.isCalm) return;
  // Nothing is in the way any more: what is in raw becomes events, and the store takes them over.
  world.isLastPhase = true;
  await phase(world, async () => {
    start('processor');
    start('taker');
    start('auditor');
  });
  const left = world.model.left();
  if (left.length > 0) throw new BrokenPromise(`something is left at the end: ${left.join('; ')}`);
}

/** Until everybody has come to an end. */
async function phase(world: World, begin: () => Promise<void>): Promise<void> {
  let isBegun = false;
  const beginning = begin()
    .catch((thrown: unknown) => {
      if (!(thrown instanceof PowerCut)) world.fail(thrown);
    })
    .finally(() => {
      isBegun = true;
    });
  await world.scheduler.run();
  if (world.failure !== undefined) throw world.failure;
  if (!isBegun || world.unfinished.size > 0) {
    throw new BrokenPromise(`nobody can go on: ${[...world.unfinished.values()].map(({ name }) => name).join(', ')}`);
  }
  await beginning;
}

/** Everything is closed, as at the end of a program. */
export async function closeAll(world: World): Promise<void> {
  await phase(world, async () => {
    for (const process of [...world.processes].reverse()) {
      if (!process.isDead) await attempt(process, 'close', () => process.queue.close());
    }
    const [supervisor] = world.processes;
    if (supervisor !== undefined && world.hasCoordinator)
      await attempt(supervisor, 'close', () => world.coordinator.close());
  });
}
