/** One process of the simulated machine: its own view of the disk, its own board of marks, its own queue. */
import { type Logger, pino } from 'pino';
import { Registry } from 'prom-client';
import { type MemoryDisk, PowerCut } from '../../src/lib/memory-disk.ts';
import type { TopicPartition } from '../../src/queue/port.ts';
import { type Mark, MarkBoard } from '../../src/queue/segment-log/marks.ts';
import { partitionKey } from '../../src/queue/segment-log/names.ts';
import { openSegmentLog, type SegmentLogQueue } from '../../src/queue/segment-log/queue.ts';
import { SimulatedCoordinator } from './simulated-coordinator.ts';
import type { World } from './world.ts';

export const DIRECTORY = '/data/queue';

export class Process {
  readonly name: string;
  readonly world: World;
  readonly disk: MemoryDisk;
  readonly log: Logger;
  readonly marks = new MarkBoard();
  readonly coordinator: SimulatedCoordinator;
  readonly queue: SegmentLogQueue;
  /** The epochs that it was given last. */
  readonly epochs = new Map<string, number>();
  /** Retention runs. */
  isRetaining = false;
  /** Partitions of which events were made and not committed since: a second in a real processor, which retention does not come into. */
  readonly uncommitted = new Set<number>();
  isTakingMark = false;
  /** Its members of groups. */
  readonly members: { readonly group: string; readonly id: string }[] = [];
  /** Its heartbeats do not arrive. */
  isSilent = false;
  /** The supervisor has another one in its place: it is not asked any more what belongs to its role. */
  isReplaced = false;
  #isDead = false;

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
    this.disk = world.diskFor(this);
    this.log = world.isShown ? showingLog(world, name) : SILENT;
    this.coordinator = new SimulatedCoordinator(this);
    this.queue = openSegmentLog({
      directory: DIRECTORY,
      topics: world.topics,
      coordinator: this.coordinator,
      marks: this.marks,
      log: this.log,
      disk: this.disk,
      clock: world.clock,
      segmentBytes: world.mood.segmentBytes,
      registry: new Registry(),
    });
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Whatever it is doing ends; what it has written is in the page cache still. */
  kill(): void {
    this.dies();
    this.disk.cutPower();
  }

  /** At its own operation, which the disk ends. */
  dies(): void {
    this.#isDead = true;
  }

  async turn(): Promise<void> {
    await this.world.scheduler.turn(this.name);
    if (this.#isDead) throw new PowerCut();
  }

  /** From another process; that one tells everybody, so it is not told on. */
  takeMark(mark: Mark): void {
    this.isTakingMark = true;
    this.marks.set(mark);
    this.isTakingMark = false;
  }

  epochOf(at: TopicPartition): number {
    return this.epochs.get(partitionKey(at)) ?? 0;
  }
}

const SILENT = pino({ level: 'silent' });

function showingLog(world: World, name: string): Logger {
  const write = (line: string) => {
    const { msg, err } = JSON.parse(line);
    world.trace.note(`${name} logs: ${msg}${err === undefined ? '' : ` (${err.message})`}`);
  };
  return pino({ level: 'warn', base: null }, { write });
}
