/** Runs one seed: several lives of a machine on one disk, each found as the end of the one before left it. */
import { crc32c } from '@node-rs/crc32';
import { MemoryDisk } from '../../src/lib/memory-disk.ts';
import { keepAtRandom, keepEverything, keepNothing } from '../../src/lib/memory-disk-crash.ts';
import { Random } from '../../src/lib/random.ts';
import { Boundaries, type BoundaryCounts } from './boundaries.ts';
import { closeAll, live } from './life.ts';
import { Model } from './model.ts';
import { lastMomentFrom, type Mood, moodFrom } from './mood.ts';
import { BrokenPromise } from './partition-model.ts';
import { Trace } from './trace.ts';
import { REQUIRED_GROUPS, World } from './world.ts';

export const MIN_OPERATIONS = 200;
const START_MS = 1_764_000_000_000;

export interface RunResult {
  readonly seed: number;
  readonly lives: number;
  readonly crashes: number;
  readonly damages: number;
  readonly records: number;
  readonly operations: number;
  readonly boundaries: BoundaryCounts;
  /** Of everything that happened. */
  readonly digest: string;
  readonly failure: RunFailure | undefined;
}

export interface RunFailure {
  readonly life: number;
  readonly message: string;
  readonly mood: string;
  readonly last: readonly string[];
}

export async function runSeed(seed: number, show?: (line: string) => void): Promise<RunResult> {
  const run = new Run(seed, show);
  await run.all();
  return run.result();
}

class Run {
  readonly #seed: number;
  readonly #random: Random;
  readonly #mood: Mood;
  readonly #trace: Trace;
  readonly #isShown: boolean;
  readonly #model = new Model(REQUIRED_GROUPS);
  readonly #boundaries = new Boundaries();
  readonly #damaged = new Map<string, number>();
  #disk = new MemoryDisk();
  #nowMs = START_MS;
  #life = 0;
  #crashes = 0;
  #records = 0;
  #failure: RunFailure | undefined;

  constructor(seed: number, show: ((line: string) => void) | undefined) {
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#mood = moodFrom(this.#random);
    this.#trace = new Trace(show);
    this.#isShown = show !== undefined;
  }

  async all(): Promise<void> {
    try {
      while (this.#life < this.#mood.lives || this.#boundaries.operations < MIN_OPERATIONS) await this.#oneLife(false);
      await this.#oneLife(true);
    } catch (thrown) {
      this.#failure = {
        life: this.#life,
        message: describe(thrown),
        mood: JSON.stringify(this.#mood),
        last: this.#trace.last(),
      };
    }
  }

  result(): RunResult {
    return {
      seed: this.#seed,
      lives: this.#life,
      crashes: this.#crashes,
      damages: this.#damaged.size,
      records: this.#records,
      operations: this.#boundaries.operations,
      boundaries: this.#boundaries.counts,
      digest: this.#trace.digest,
      failure: this.#failure,
    };
  }

  async #oneLife(isCalm: boolean): Promise<void> {
    this.#life++;
    const random = this.#random;
    this.#trace.add(`life ${this.#life}${isCalm ? ', calm' : ''}`);
    const world = new World({
      random,
      mood: this.#mood,
      disk: this.#disk,
      model: this.#model,
      trace: this.#trace,
      boundaries: this.#boundaries,
      isCalm,
      lastMoment: isCalm ? undefined : lastMomentFrom(random),
      nowMs: this.#nowMs,
      isShown: this.#isShown,
      damaged: this.#damaged,
      nextNumber: () => this.#records++,
    });
    await live(world);
    await this.#end(world);
    this.#nowMs = world.nowMs;
    this.#checkDisk();
  }

  /** How it ends where it has not ended yet: every seed has a power cut. */
  async #end(world: World): Promise<void> {
    const random = this.#random;
    const ends = ['cut', 'cut', 'killed', 'closed'] as const;
    const mustCrash = this.#crashes === 0 && this.#life >= this.#mood.lives;
    const end = world.isCut || mustCrash ? 'cut' : world.isCalm ? 'closed' : random.pick(ends);
    if (end === 'closed') await closeAll(world);
    world.killAll();
    if (end !== 'cut') return;
    this.#crashes++;
    const mood = random.next();
    const keep = mood < 0.25 ? keepNothing : mood < 0.4 ? keepEverything : keepAtRandom(random.next);
    this.#disk = this.#disk.afterCrash(keep);
    this.#trace.add('the power is cut');
  }

  /** What was damaged was not cut; and the digest knows every byte. */
  #checkDisk(): void {
    for (const path of this.#disk.files().sort()) {
      const content = this.#disk.content(path);
      this.#trace.add(`${path} has ${content.length} bytes, ${crc32c(content)}`);
      const to = this.#damaged.get(path) ?? 0;
      if (content.length < to)
        throw new BrokenPromise(`${path} was damaged up to ${to} and was cut at ${content.length}`);
    }
  }
}

function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause === undefined ? '' : `\n  caused by ${describe(thrown.cause)}`;
  return `${thrown instanceof BrokenPromise ? thrown.message : (thrown.stack ?? thrown.message)}${cause}`;
}
