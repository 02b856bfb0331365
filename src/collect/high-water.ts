/**
 * The high-water mark of the queue's disk. Above it inputs take nothing more, before the disk is full: what is then left
 * belongs to the processor and the store, which go on with what was accepted, and to the small files of the queue itself.
 * It opens again a little below the mark, so that it does not flutter.
 *
 * Where the disk cannot be asked, the mark stays as it was: a full disk is still met by the queue, which refuses.
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { AskSpace, DiskSpace } from '../lib/disk-space.ts';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import type { CollectLimits } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { formatSize } from '../lib/units.ts';

export interface HighWaterMarks {
  /** Inputs pause where more of the disk is used; 100 never pauses. */
  readonly highWaterPercent: number;
  /** Inputs pause where less is free; 0 never pauses. */
  readonly minFreeBytes: number;
}

export interface HighWaterOptions extends HighWaterMarks {
  /** The queue's folder. */
  readonly folder: string;
  readonly ask: AskSpace;
  readonly limits: CollectLimits;
  readonly log: Logger;
  readonly registry: Registry;
}

export class HighWater {
  readonly #options: HighWaterOptions;
  readonly #free: Gauge;
  readonly #used: Gauge;
  readonly #paused: Gauge;
  readonly #refused: Counter;
  readonly #waiting = new Set<() => void>();
  readonly #listeners = new Set<() => void>();
  #space: DiskSpace | undefined;
  #isOver = false;
  #isAsking = false;
  #cannotAsk = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HighWaterOptions) {
    this.#options = options;
    const registers = [options.registry];
    this.#free = new Gauge({
      name: 'spillway_queue_disk_free_bytes',
      help: "Free on the queue's disk.",
      registers,
    });
    this.#used = new Gauge({
      name: 'spillway_queue_disk_used_ratio',
      help: "Used of the queue's disk, 0 to 1, as df counts it.",
      registers,
    });
    this.#paused = new Gauge({
      name: 'spillway_collect_inputs_paused',
      help: "1 while inputs take nothing, because the queue's disk is above its high-water mark.",
      registers,
    });
    this.#refused = new Counter({
      name: 'spillway_collect_high_water_refused_requests_total',
      help: 'Requests answered 503 for the high-water mark.',
      registers,
    });
  }

  /** Looks for the first time, and from then on every now and then. */
  async start(): Promise<void> {
    await this.look();
    this.#timer = setInterval(() => void this.look(), this.#options.limits.spaceEveryMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** True while inputs take nothing. */
  get blocked(): boolean {
    return this.#isOver;
  }

  /** As it was last; undefined before it could be asked. */
  get space(): DiskSpace | undefined {
    return this.#space;
  }

  /** Calls once when it is not blocked. */
  whenReady(resume: () => void): void {
    if (this.#isOver) this.#waiting.add(resume);
    else resume();
  }

  /** Whoever waited and is gone. */
  forget(resume: () => void): void {
    this.#waiting.delete(resume);
  }

  /** Calls each time that inputs have to pause. */
  onBlocked(pause: () => void): void {
    this.#listeners.add(pause);
  }

  /** Why inputs take nothing, for people; undefined while they do. It names no path. */
  get reason(): string | undefined {
    return this.#isOver && this.#space !== undefined ? this.#say(this.#space) : undefined;
  }

  /** Throws DISK_ALMOST_FULL while inputs take nothing. */
  assertOpen(): void {
    if (!this.#isOver || this.#space === undefined) return;
    this.#refused.inc();
    const { highWaterPercent, minFreeBytes, limits } = this.#options;
    const { usedPercent, freeBytes } = this.#space;
    throw new SpillwayError('DISK_ALMOST_FULL', this.#say(this.#space), {
      retryAfterS: limits.highWaterRetryS,
      details: { disk: 'queue', usedPercent: rounded(usedPercent), freeBytes, highWaterPercent, minFreeBytes },
    });
  }

  /** Asks the disk, unless it is still being asked. */
  async look(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      this.#take(await this.#options.ask(this.#options.folder));
      this.#cannotAsk = false;
    } catch (thrown) {
      if (!this.#cannotAsk) this.#options.log.warn({ error: messageOf(thrown) }, "the queue's disk cannot be asked");
      this.#cannotAsk = true;
    } finally {
      this.#isAsking = false;
    }
  }

  #take(space: DiskSpace): void {
    this.#space = space;
    this.#free.set(space.freeBytes);
    this.#used.set(space.usedPercent / 100);
    if (this.#isOver ? !this.#isWellBelow(space) : !this.#isAbove(space)) return;
    this.#isOver = !this.#isOver;
    this.#paused.set(this.#isOver ? 1 : 0);
    const { log, folder } = this.#options;
    const facts = { folder, freeBytes: space.freeBytes, usedPercent: rounded(space.usedPercent) };
    if (this.#isOver) {
      log.error(facts, this.#say(space));
      for (const pause of this.#listeners) pause();
    } else {
      log.warn(facts, "the queue's disk is below its high-water mark again: inputs go on");
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const resume of waiting) resume();
    }
  }

  #isAbove({ usedPercent, freeBytes }: DiskSpace): boolean {
    const { highWaterPercent, minFreeBytes } = this.#options;
    return usedPercent > highWaterPercent || freeBytes < minFreeBytes;
  }

  #isWellBelow({ usedPercent, freeBytes }: DiskSpace): boolean {
    const { highWaterPercent, minFreeBytes, limits } = this.#options;
    const percent = highWaterPercent - limits.lowWaterPercent;
    return (
      (highWaterPercent === 100 || usedPercent <= percent) &&
      freeBytes >= minFreeBytes * (1 + limits.lowWaterPercent / 100)
    );
  }

  #say({ usedPercent, freeBytes }: DiskSpace): string {
    const { highWaterPercent, minFreeBytes } = this.#options;
    return (
      `The disk of the queue is ${rounded(usedPercent)} % full, ${formatSize(freeBytes)} are free: inputs pause above ` +
      `${highWaterPercent} % (queue.highWater) or below ${formatSize(minFreeBytes)} (queue.minFree). Free some space or ` +
      'enlarge the disk; they go on by themselves.'
    );
  }
}

const rounded = (percent: number): number => Math.round(percent * 10) / 10;
