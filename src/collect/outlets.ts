/** Where inputs put their records: the partitions of `raw`, and the dead letters. One for the whole collector. */
import type { Clock } from '../lib/clock.ts';
import type { CollectLimits } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { HighWater } from './high-water.ts';
import type { Lane } from './lane.ts';
import type { CollectMetrics } from './metrics.ts';
import { hashSource, partitionOf } from './source-partition.ts';

/** The two lanes of a partition. */
export interface Outlet {
  readonly sockets: Lane;
  readonly requests: Lane;
}

export interface Outlets {
  readonly raw: RawOutlets;
  readonly dead: Outlet;
  readonly deadLetters: DeadLetters;
}

/** What every input is given. */
export interface InputContext {
  readonly outlets: Outlets;
  /** While it is blocked, inputs take nothing. */
  readonly highWater: HighWater;
  readonly metrics: CollectMetrics;
  readonly clock: Clock;
  readonly limits: CollectLimits;
  readonly log: Logger;
}

/** How sources are mapped to partitions, from one addition of partitions to the next. */
interface Mapping {
  readonly outlets: readonly Outlet[];
  /** Requests that were routed by it and are not stored yet. */
  requests: number;
  onIdle: (() => void) | undefined;
}

/** The partitions of `raw`; there may come more. */
export class RawOutlets {
  readonly #first: number;
  #mapping: Mapping;

  /** `first`: how many partitions there were at first. */
  constructor(outlets: readonly Outlet[], first: number) {
    this.#first = first;
    this.#mapping = { outlets, requests: 0, onIdle: undefined };
  }

  get all(): readonly Outlet[] {
    return this.#mapping.outlets;
  }

  /** Where the records of a socket go. */
  route(source: readonly string[]): Route {
    return new Route(this, hashSource(source));
  }

  /** Where a whole request goes; `done` when all of it is stored, or refused. */
  take(source: readonly string[]): { readonly outlet: Outlet; readonly done: () => void } {
    const mapping = this.#mapping;
    mapping.requests++;
    const done = (): void => {
      mapping.requests--;
      if (mapping.requests === 0) mapping.onIdle?.();
    };
    return { outlet: this.of(hashSource(source)), done };
  }

  /** The partition of a source, the same for as long as their number is: order per source holds from here on. */
  of(hash: Buffer): Outlet {
    const { outlets } = this.#mapping;
    const outlet = outlets[partitionOf(hash, this.#first, outlets.length)];
    if (outlet === undefined) throw new RangeError('the topic raw has no partition');
    return outlet;
  }

  /**
   * Sources are mapped to these too from now on. Resolves when whatever was mapped without them is durable, refused or
   * lost: what a source that has moved will send later is later than that. One call at a time.
   */
  async add(outlets: readonly Outlet[]): Promise<void> {
    const before = this.#mapping;
    this.#mapping = { outlets: [...before.outlets, ...outlets], requests: 0, onIdle: undefined };
    if (before.requests > 0) {
      await new Promise<void>((resolve) => {
        before.onIdle = resolve;
      });
    }
    await Promise.all(before.outlets.flatMap(({ sockets, requests }) => [sockets.settled(), requests.settled()]));
  }
}

/** The outlet of a source, which may be another one when partitions were added: look at each run of records. */
export class Route {
  readonly #raw: RawOutlets;
  readonly #hash: Buffer;
  #outlet: Outlet;
  #partitions: number;

  constructor(raw: RawOutlets, hash: Buffer) {
    this.#raw = raw;
    this.#hash = hash;
    this.#outlet = raw.of(hash);
    this.#partitions = raw.all.length;
  }

  get outlet(): Outlet {
    if (this.#partitions !== this.#raw.all.length) {
      this.#outlet = this.#raw.of(this.#hash);
      this.#partitions = this.#raw.all.length;
    }
    return this.#outlet;
  }
}
