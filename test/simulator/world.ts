/**
 * The simulated machine of one life: a disk, a clock, and processes that a power cut ends all at once. Everything that
 * is left to chance is drawn from the seed here or below, so a seed always goes the same way.
 */
import type { Clock } from '../../src/lib/clock.ts';
import { GROUP_LIMITS } from '../../src/lib/limits.ts';
import { type Fault, type MemoryDisk, type Operation, PowerCut } from '../../src/lib/memory-disk.ts';
import { keepAtRandom } from '../../src/lib/memory-disk-crash.ts';
import type { Random } from '../../src/lib/random.ts';
import { LocalCoordinator } from '../../src/queue/segment-log/coordinator.ts';
import { type Mark, MarkBoard } from '../../src/queue/segment-log/marks.ts';
import type { SegmentLogOptions } from '../../src/queue/segment-log/queue.ts';
import type { Boundaries } from './boundaries.ts';
import { type Model, PARTITIONS } from './model.ts';
import type { LastMoment, Mood } from './mood.ts';
import { DIRECTORY, Process } from './process.ts';
import { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

export const REQUIRED_GROUPS = { raw: ['processor'], events: ['store'] } as const;

/** What the coordinator counts at the most between two ticks. */
const TICK_MS = 2 * GROUP_LIMITS.tickMs;
const READ_BYTES = [1, 300, 2_000, 100_000];

export interface WorldOptions {
  readonly random: Random;
  readonly mood: Mood;
  readonly disk: MemoryDisk;
  readonly model: Model;
  readonly trace: Trace;
  readonly boundaries: Boundaries;
  /** No faults in this life. */
  readonly isCalm: boolean;
  readonly lastMoment: LastMoment | undefined;
  /** Epoch ms. */
  readonly nowMs: number;
  readonly isShown: boolean;
  readonly damaged: Map<string, number>;
  /** Of records, over all lives. */
  readonly nextNumber: () => number;
}

export class World {
  readonly random: Random;
  readonly mood: Mood;
  readonly model: Model;
  readonly trace: Trace;
  readonly disk: MemoryDisk;
  readonly scheduler: Scheduler;
  readonly isCalm: boolean;
  readonly isShown: boolean;
  readonly topics: SegmentLogOptions['topics'];
  readonly clock: Clock;
  readonly processes: Process[] = [];
  readonly nextNumber: () => number;
  nowMs: number;
  /** As the coordinator counts it, since its start. */
  passedMs = 0;
  /** Undefined where there is room. */
  capacityBytes: number | undefined;
  /** Faults that explain errors in this life. */
  hadErrors = false;
  wasFull = false;
  hadTakeovers = false;
  /** Members stay until everything is in events, and taken over from there. */
  isLastPhase = false;
  /** Counts the changes of layouts. */
  layoutVersion = 0;
  /** Segments that were damaged, and to which byte: they never become shorter. */
  readonly damaged: Map<string, number>;
  /** At work. */
  readonly unfinished = new Map<Promise<unknown>, Process>();
  failure: unknown;
  readonly #options: WorldOptions;
  readonly #flushed = new MarkBoard();
  readonly #writeAtMostBytes: number;
  #coordinator: LocalCoordinator | undefined;
  #momentsLeft: number;
  #tickedMs = 0;
  #isCut = false;

  constructor(options: WorldOptions) {
    const { random, mood, lastMoment } = options;
    this.#options = options;
    this.random = random;
    this.mood = mood;
    this.model = options.model;
    this.trace = options.trace;
    this.disk = options.disk;
    this.isCalm = options.isCalm;
    this.isShown = options.isShown;
    this.nowMs = options.nowMs;
    this.damaged = options.damaged;
    this.nextNumber = options.nextNumber;
    this.hadTakeovers = mood.takeovers > 0;
    this.clock = { now: () => this.nowMs };
    this.scheduler = new Scheduler(random, mood.stickiness);
    this.#momentsLeft = lastMoment?.number ?? Number.POSITIVE_INFINITY;
    this.#writeAtMostBytes = mood.shortWrites ? random.between(1, 400) : Number.POSITIVE_INFINITY;
    const { retention, compression } = mood;
    this.topics = {
      raw: { partitions: PARTITIONS, compression: 'none', retention, requiredGroups: REQUIRED_GROUPS.raw },
      events: { partitions: PARTITIONS, compression, retention, requiredGroups: REQUIRED_GROUPS.events },
    };
  }

  /** Whether the power went. */
  get isCut(): boolean {
    return this.#isCut;
  }

  get hasCoordinator(): boolean {
    return this.#coordinator !== undefined;
  }

  get coordinator(): LocalCoordinator {
    if (this.#coordinator === undefined) throw new PowerCut();
    return this.#coordinator;
  }

  /** Of the first process; the life ends with it. */
  async startSupervisor(supervisor: Process): Promise<void> {
    const { disk, log } = supervisor;
    this.model.coordinatorStarts();
    const coordinator = await LocalCoordinator.open({ directory: DIRECTORY, disk, log, clock: this.clock });
    this.#coordinator = coordinator;
    this.#tickedMs = this.nowMs;
    this.layoutVersion++;
    coordinator.onLayout(() => {
      this.layoutVersion++;
      this.#tell((process) => process.coordinator.takeLayouts());
    });
    // What of it gets lost, the next heartbeat asks.
    coordinator.onNews((group, member) => {
      if (this.isCalm || !this.random.chance(this.mood.marksLost))
        this.#tell((process) => process.coordinator.takeNews(group, member));
    });
    await supervisor.queue.prepare();
  }

  start(name: string): Process {
    const process = new Process(this, name);
    this.processes.push(process);
    process.marks.onChange((mark) => {
      if (!process.isTakingMark) this.#relay(process, mark);
    });
    for (const mark of this.processes[0]?.marks.all() ?? []) this.#deliver(process, mark);
    return process;
  }

  /** Whether members have to stay, since there is something left to do. */
  get isUnfinished(): boolean {
    if (!this.isLastPhase) return false;
    const isAudited = ![...this.unfinished.values()].some(({ name }) => name.startsWith('auditor'));
    return !isAudited || this.model.left().length > 0;
  }

  /**
   * Some time passes, in which the coordinator measures silence. Where no zombies are wanted, it does not pass while
   * somebody who lives would be taken for dead.
   */
  async pass(ms: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0 && !this.isCut; leftMs -= TICK_MS) {
      this.nowMs += Math.min(TICK_MS, leftMs);
      if (this.mood.takeovers === 0 && this.#isSomebodyLate()) continue;
      this.passedMs += Math.min(TICK_MS, Math.max(0, this.nowMs - this.#tickedMs));
      this.#tickedMs = this.nowMs;
      await this.#coordinator?.tick();
    }
  }

  #isSomebodyLate(): boolean {
    const soonMs = this.passedMs + 2 * TICK_MS;
    return this.processes.some(
      ({ isDead, members }) =>
        !isDead && members.some(({ group, id }) => this.model.group(group).isNearlyLate(id, soonMs)),
    );
  }

  /** It has to come to an end before the life does. */
  spawn(process: Process, work: Promise<unknown>): void {
    this.unfinished.set(work, process);
    void work
      .catch((thrown: unknown) => {
        if (!(thrown instanceof PowerCut)) this.fail(thrown);
      })
      .then(() => this.unfinished.delete(work));
  }

  diskFor(process: { readonly name: string }): MemoryDisk {
    const world = this;
    return this.disk.view({
      writeAtMostBytes: this.#writeAtMostBytes,
      get capacityBytes() {
        return world.capacityBytes ?? Number.POSITIVE_INFINITY;
      },
      turn: () => this.scheduler.turn(process.name),
      fault: (operation) => this.#fault(process.name, operation),
    });
  }

  living(kind: string): Process[] {
    return this.processes.filter((process) => !process.isDead && process.name.startsWith(kind));
  }

  /** What one read may take. */
  pickReadBytes(): number {
    return this.isCalm ? 100_000 : this.random.pick(READ_BYTES);
  }

  killAll(): void {
    for (const process of this.processes) process.kill();
  }

  cutPower(): void {
    this.#isCut = true;
    this.killAll();
  }

  /** A broken promise ends the simulation, whoever catches it on its way. */
  check(look: () => void): void {
    try {
      look();
    } catch (broken) {
      this.fail(broken);
      throw broken;
    }
  }

  /** The simulation ends here. */
  fail(failure: unknown): void {
    this.failure ??= failure;
    this.killAll();
  }

  #fault(name: string, operation: Operation): Fault | undefined {
    const { kind, path } = operation;
    const { boundaries, lastMoment } = this.#options;
    boundaries.operation(kind);
    this.nowMs++;
    if (lastMoment !== undefined && (lastMoment.kind ?? kind) === kind && --this.#momentsLeft === 0) {
      this.trace.add(`${name} ${kind} ${path}: the power goes ${lastMoment.when} it`);
      boundaries.crash(kind, lastMoment.when);
      this.#isCut = true;
      for (const process of this.processes) {
        if (process.name === name) process.dies();
        else process.kill();
      }
      return { crash: lastMoment.when };
    }
    const fault = this.isCalm ? undefined : this.#error(operation);
    if (fault === undefined) this.trace.add(`${name} ${kind} ${path}`);
    else {
      this.hadErrors = true;
      boundaries.error(kind);
      this.trace.add(`${name} ${kind} ${path}: ${fault.error}`);
    }
    return fault;
  }

  #error({ kind }: Operation): { error: string; reached: ReturnType<typeof keepAtRandom> } | undefined {
    const { random, mood } = this;
    const syncs = kind === 'dataSync' || kind === 'syncDirectory';
    if (!random.chance(syncs ? mood.syncFails + mood.ioFails : mood.ioFails)) return undefined;
    return { error: 'EIO', reached: keepAtRandom(random.next) };
  }

  /** Marks that a process sends before it commits: the supervisor tells them before whatever it says later. */
  flush(marks: readonly Mark[]): void {
    for (const mark of marks) this.#flushed.set(mark);
  }

  flushed(): readonly Mark[] {
    return this.#flushed.all();
  }

  /** Marks reach other processes late, not at all, or twice. */
  #relay(from: Process, mark: Mark): void {
    this.check(() => this.model.partition(mark).starts(mark.earliestOffset));
    this.trace.add(`${from.name} marks ${mark.topic}/${mark.partition} ${mark.earliestOffset} to ${mark.endOffset}`);
    for (const process of this.processes) {
      if (process === from || process.isDead) continue;
      // The supervisor knows everything in the end: it is asked when a process starts.
      if (process !== this.processes[0] && !this.isCalm && this.random.chance(this.mood.marksLost)) continue;
      this.#deliver(process, mark);
      if (!this.isCalm && this.random.chance(this.mood.marksLost / 3)) this.#deliver(process, mark);
    }
  }

  /** The supervisor tells every process, in some order. */
  #tell(say: (process: Process) => void): void {
    for (const process of this.processes) {
      void this.scheduler.turn('news').then(() => {
        if (!process.isDead) say(process);
      });
    }
  }

  #deliver(to: Process, mark: Mark): void {
    void this.scheduler.turn('marks').then(() => {
      if (!to.isDead) to.takeMark(mark);
    });
  }
}
