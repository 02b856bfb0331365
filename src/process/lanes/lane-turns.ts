/**
 * Who of a partition is held back, and when a lane gets a turn. The tenants at the main position come first: a lane goes on
 * when nothing more is to be read there (or after a few reads), a little at a time, and only while the store is not far
 * behind. A tenant gets a lane where more has come than there was time for and it is the one that sends too much.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { TOPICS } from '../../event/topics.ts';
import type { Clock } from '../../lib/clock.ts';
import { LANE_LIMITS, PROCESS_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { offset, type PartitionReader, type Queue, type ReadResult } from '../../queue/port.ts';
import type { ProcessorMetrics } from '../metrics.ts';
import type { Lane, Lanes } from './lanes.ts';
import type { Pace } from './pace.ts';
import { type LaneMemory, PassedBatches } from './passed.ts';

export interface LaneTurnsOptions {
  readonly queue: Queue;
  readonly partition: number;
  readonly lanes: Lanes;
  /** Undefined where nobody is to be held back: lanes that are there are worked off all the same. */
  readonly pace: Pace | undefined;
  readonly memory: LaneMemory;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ProcessorMetrics;
}

export type LaneReader = Pick<PartitionReader, 'read'>;

export interface LaneTurn {
  readonly lane: Lane;
  readonly reader: LaneReader;
  /** What it reads, and how many of its records it takes, at the most. */
  readonly bytes: number;
  readonly records: number;
}

interface Taken {
  records: number;
  bytes: number;
}

export class LaneTurns {
  readonly #options: LaneTurnsOptions;
  readonly #readers = new Map<string, PartitionReader>();
  readonly #passed: PassedBatches;
  /** What was taken at the main position since it was last looked at, by tenant. */
  readonly #taken = new Map<string, Taken>();
  #lastTenant: string | undefined;
  #last: Taken = { records: 0, bytes: 0 };
  #mainTurns = 0;
  #markedMs = performance.now();
  /** Whether the newest marker names lanes. */
  #areMarked: boolean;

  constructor(options: LaneTurnsOptions) {
    this.#options = options;
    this.#passed = new PassedBatches(options.memory);
    this.#areMarked = options.lanes.size > 0;
    for (const lane of options.lanes.all()) this.#show(lane);
  }

  /** A record was taken at the main position. */
  count(tenant: string, sizeBytes: number): void {
    if (tenant !== this.#lastTenant) this.#find(tenant);
    this.#last.records++;
    this.#last.bytes += sizeBytes;
  }

  /**
   * After a read at the main position, of which this share was not left to lanes: gives the noisiest tenant a lane where
   * more waits behind it, or before the store, than should.
   */
  async holdBack(result: ReadResult, share: number): Promise<void> {
    const { lanes, pace, partition, log, metrics } = this.#options;
    if (lanes.size > 0) this.#passed.keep(result);
    const taken = this.#takeCounts();
    if (pace === undefined) return;
    for (const [tenant, { records, bytes }] of taken) pace.shares.count(tenant, records, bytes);
    this.#rememberTenants(pace);
    if (share === 0 || lanes.size >= LANE_LIMITS.lanes) return;
    const isLate = (result.endOffset - result.nextOffset) * share > LANE_LIMITS.lagRecords;
    if (!isLate && !(await pace.isBehind())) return;
    const tenant = pace.noisiest(taken.keys());
    if (tenant === undefined) return;
    this.#show(lanes.open(tenant));
    metrics.laneMoves.inc({ partition, to: 'own' });
    log.debug({ partition, tenant, rawOffset: lanes.main.rawOffset }, 'a tenant is held back behind the others');
  }

  /** Whether a lane should have a turn now. `hasRead`: there was something at the main position. */
  isDue(hasRead: boolean): boolean {
    if (this.#options.lanes.size === 0) return false;
    this.#mainTurns = hasRead ? this.#mainTurns + 1 : 0;
    return this.#mainTurns % LANE_LIMITS.mainTurns === 0;
  }

  /** Undefined where no lane may go on now. */
  async begin(): Promise<LaneTurn | undefined> {
    const { lanes, pace } = this.#options;
    const lane = lanes.next();
    if (lane === undefined) return undefined;
    if (!lanes.isDone(lane) && pace !== undefined && !(await pace.mayGoOn())) {
      this.#show(lane);
      return undefined;
    }
    const reader: LaneReader = {
      read: async (from, { maxBytes = PROCESS_LIMITS.readBytes } = {}) =>
        this.#passed.read(from, maxBytes) ?? this.#readerOf(lane).read(from, { maxBytes }),
    };
    return pace?.isShared === true
      ? { lane, reader, bytes: LANE_LIMITS.turnBytes, records: LANE_LIMITS.turnRecords }
      : { lane, reader, bytes: PROCESS_LIMITS.readBytes, records: Number.POSITIVE_INFINITY };
  }

  /** Closes the lane where it is done. */
  async end(lane: Lane): Promise<void> {
    const { lanes, metrics, partition, log } = this.#options;
    const isDone = lanes.isDone(lane);
    if (isDone) lanes.close(lane);
    this.#passed.forget(lanes.size === 0 ? Number.POSITIVE_INFINITY : lanes.done.rawOffset);
    if (!isDone) return this.#show(lane);
    const { tenant } = lane;
    metrics.laneMoves.inc({ partition, to: 'shared' });
    this.#hide(tenant);
    log.debug({ partition, tenant, rawOffset: lanes.main.rawOffset }, 'a tenant goes with the others again');
    const reader = this.#readers.get(tenant);
    this.#readers.delete(tenant);
    await reader?.close();
  }

  /** Whether a marker is due although there is nothing else to write: positions have moved. */
  get mustMark(): boolean {
    const { size } = this.#options.lanes;
    if (size === 0) return this.#areMarked;
    return performance.now() - this.#markedMs >= LANE_LIMITS.markerMs;
  }

  /** A marker of how things stand is on its way. */
  marked(): void {
    this.#markedMs = performance.now();
    this.#areMarked = this.#options.lanes.size > 0;
  }

  /** Resolves when there may be more at the main position, or a lane may go on, or the signal fires. */
  async waitForMore(main: PartitionReader, signal: AbortSignal): Promise<void> {
    const { lanes } = this.#options;
    const from = offset(lanes.main.rawOffset);
    if (lanes.size === 0) return main.waitFor(from, signal);
    const woken = new AbortController();
    const either = AbortSignal.any([signal, woken.signal]);
    const causes = [
      main.waitFor(from, either),
      delay(LANE_LIMITS.askStoredMs, undefined, { signal: either }).catch(() => {}),
    ];
    try {
      await Promise.race(causes);
    } finally {
      woken.abort();
      await Promise.allSettled(causes);
    }
  }

  async close(): Promise<void> {
    const { lanes, pace, partition } = this.#options;
    pace?.forget(partition);
    this.#passed.forget(Number.POSITIVE_INFINITY);
    for (const { tenant } of lanes.all()) this.#hide(tenant);
    await Promise.allSettled([...this.#readers.values()].map((reader) => reader.close()));
  }

  #readerOf({ tenant }: Lane): PartitionReader {
    const { queue, partition } = this.#options;
    let reader = this.#readers.get(tenant);
    if (reader === undefined) {
      reader = queue.openReader({ topic: TOPICS.raw, partition });
      this.#readers.set(tenant, reader);
    }
    return reader;
  }

  #find(tenant: string): void {
    let taken = this.#taken.get(tenant);
    if (taken === undefined) {
      taken = { records: 0, bytes: 0 };
      this.#taken.set(tenant, taken);
    }
    this.#last = taken;
    this.#lastTenant = tenant;
  }

  #takeCounts(): Map<string, Taken> {
    const taken = new Map(this.#taken);
    this.#taken.clear();
    this.#lastTenant = undefined;
    return taken;
  }

  #rememberTenants(pace: Pace): void {
    const nowMs = performance.now();
    if (!pace.shares.isDue(nowMs)) return;
    for (const tenant of pace.shares.tenants()) pace.saw(tenant);
    for (const lane of this.#options.lanes.all()) {
      if (lane.waiting > 0) pace.saw(lane.tenant);
      this.#show(lane);
    }
    pace.shares.age(nowMs);
  }

  #show(lane: Lane): void {
    const { lanes, metrics, partition, clock } = this.#options;
    const labels = { partition, tenant: lane.tenant };
    // Where a process before this one began the lane nobody has counted: it is no more than this.
    const waiting = lane.isCounted ? lane.waiting : lanes.main.rawOffset - lane.rawOffset;
    metrics.laneRecords.set(labels, waiting);
    const behindMs = lane.receivedTo === 0 ? 0 : clock.now() - lane.receivedTo;
    metrics.laneSeconds.set(labels, Math.max(0, behindMs) / 1_000);
  }

  #hide(tenant: string): void {
    const { metrics, partition } = this.#options;
    metrics.laneRecords.remove({ partition, tenant });
    metrics.laneSeconds.remove({ partition, tenant });
  }
}
