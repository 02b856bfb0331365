/**
 * How much each tenant sends in a day, measured: what came counts less the older it is, by a factor of e in a day, so
 * that at a steady rate the measure is what comes in a day, an hour of noise moves it little, and one number for each
 * tenant is all there is to keep. Time is that of receipt: an index that is built again measures what was then.
 */
import { POLICY_LIMITS } from '../../lib/limits.ts';
import { DAY_MS } from '../slices.ts';

/** What comes in a day. */
export interface Volume {
  readonly events: number;
  readonly bytes: number;
}

/** A tenant, its events and bytes in a day as of a time (epoch ms). */
export type MeasuredVolume = readonly [tenant: string, events: number, bytes: number, atMs: number];

interface Measured {
  events: number;
  bytes: number;
  atMs: number;
}

export class Volumes {
  readonly #measured = new Map<string, Measured>();

  constructor(measured: Iterable<MeasuredVolume> = []) {
    for (const [tenant, events, bytes, atMs] of measured) this.#measured.set(tenant, { events, bytes, atMs });
  }

  add(tenant: string, events: number, bytes: number, atMs: number): void {
    const known = this.#measured.get(tenant);
    if (known === undefined) {
      if (this.#measured.size >= POLICY_LIMITS.measuredTenants) this.#forgetSmall(atMs);
      this.#measured.set(tenant, { events, bytes, atMs });
      return;
    }
    const newestMs = Math.max(known.atMs, atMs);
    const keep = fading(newestMs - known.atMs);
    const take = fading(newestMs - atMs);
    known.events = known.events * keep + events * take;
    known.bytes = known.bytes * keep + bytes * take;
    known.atMs = newestMs;
  }

  at(nowMs: number): Map<string, Volume> {
    const now = ({ events, bytes, atMs }: Measured): Volume => {
      const left = fading(Math.max(0, nowMs - atMs));
      return { events: events * left, bytes: bytes * left };
    };
    return new Map(Array.from(this.#measured, ([tenant, measured]) => [tenant, now(measured)]));
  }

  *all(): Generator<MeasuredVolume> {
    for (const [tenant, { events, bytes, atMs }] of this.#measured) yield [tenant, round(events), round(bytes), atMs];
  }

  /** The half with the smaller volume: it earns nothing. */
  #forgetSmall(nowMs: number): void {
    const byVolume = [...this.at(nowMs)].sort(([, a], [, b]) => a.events - b.events);
    for (const [tenant] of byVolume.slice(0, byVolume.length >> 1)) this.#measured.delete(tenant);
  }
}

export function addVolumes(all: Iterable<ReadonlyMap<string, Volume>>): Map<string, Volume> {
  const sums = new Map<string, Volume>();
  for (const volumes of all) {
    for (const [tenant, { events, bytes }] of volumes) {
      const sum = sums.get(tenant);
      sums.set(tenant, { events: (sum?.events ?? 0) + events, bytes: (sum?.bytes ?? 0) + bytes });
    }
  }
  return sums;
}

function fading(ageMs: number): number {
  return Math.exp(-ageMs / DAY_MS);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
