/** Where inputs put their records: the partitions of `raw`, and the dead letters. One for the whole collector. */
import { createHash } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { CollectLimits } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { HighWater } from './high-water.ts';
import type { Lane } from './lane.ts';
import type { CollectMetrics } from './metrics.ts';

/** The two lanes of a partition. */
export interface Outlet {
  readonly sockets: Lane;
  readonly requests: Lane;
}

export interface Outlets {
  readonly raw: readonly Outlet[];
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

/**
 * The partition of a source, the same for as long as their number is: order per source holds from here on. The parts
 * are told apart by their lengths, so that ("ab", "c") and ("a", "bc") are two sources.
 */
export function outletOf(outlets: Outlets, source: readonly string[]): Outlet {
  const text = source.map((part) => `${part.length}:${part}`).join('');
  const hash = createHash('sha1').update(text).digest().readUInt32BE(0);
  const outlet = outlets.raw[hash % outlets.raw.length];
  if (outlet === undefined) throw new RangeError('the topic raw has no partition');
  return outlet;
}
