/**
 * What waits of each partition of `events`: slices that take nothing while others do, each with the offsets that its events
 * lie between, and what a store that takes a partition over has not looked at yet. Nothing of the events themselves is kept:
 * they are read from the queue again, which retains them, since the position that is committed does not pass them.
 */
import type { Clock } from '../../lib/clock.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import { joined } from '../extent.ts';
import type { SlicePolicy } from '../policy/slice-policy.ts';
import type { WaitingRows } from '../port.ts';
import { type SliceKey, sliceText } from '../slices.ts';
import { GivenUp } from './given-up.ts';
import type { Hole } from './hole.ts';

/** A slice that waits, for people. */
export interface WaitingSlice {
  readonly where: string;
  readonly reason: string;
  /** Receipt of the earliest event that waits, epoch ms. */
  readonly sinceMs: number;
  /** When this process saw it first, epoch ms. */
  readonly seenMs: number;
  /** Events that began to wait. */
  readonly events: number;
  /** Offsets of the queue that are to be read again, from the first to the last that waits, over all partitions. */
  readonly offsets: number;
}

interface Known {
  readonly slice: SliceKey;
  readonly where: string;
  readonly seenMs: number;
  reason: string;
  pauseMs: number;
  dueMs: number;
  /** It has taken something again: what comes goes in, and what waited is read again. */
  isBack: boolean;
}

export interface WaitingParts {
  /** Who has which slices. */
  readonly policy: () => Pick<SlicePolicy, 'mayHold'>;
  readonly clock: Clock;
  /** Nothing of the slice waits any more. */
  readonly onOver?: (where: string) => void;
}

export class WaitingEvents {
  /** All of a partition has been looked at. */
  onKnown: (partition: number) => void = () => {};
  readonly #parts: WaitingParts;
  /** By partition, and by slice as text: `` (empty) is what nobody has looked at. */
  readonly #holes = new Map<number, Map<string, Hole>>();
  readonly #slices = new Map<string, Known>();
  readonly #givenUp = new GivenUp();
  /** Of what nobody has looked at, when it is tried again. */
  #lookMs = 0;
  #lookPauseMs = 0;

  constructor(parts: WaitingParts) {
    this.#parts = parts;
  }

  get isFull(): boolean {
    return this.#slices.size >= STORE_LIMITS.waitingSlices;
  }

  /** Whether rows of the slice are not to be tried. */
  readonly skips = (slice: SliceKey): boolean => this.#slices.get(sliceText(slice))?.isBack === false;

  /** `isNew`: they have not been counted before. Throws UNAVAILABLE, and changes nothing, where too many slices would wait. */
  add(rows: readonly WaitingRows[], isNew = true): void {
    const unknown = new Set(rows.map(({ slice }) => sliceText(slice)).filter((text) => !this.#slices.has(text)));
    if (this.#slices.size + unknown.size > STORE_LIMITS.waitingSlices) {
      const [first] = rows;
      throw new SpillwayError(
        'UNAVAILABLE',
        `More than ${STORE_LIMITS.waitingSlices} slices take no events: all events wait. Of ${first?.where}: ${first?.reason}`,
      );
    }
    for (const one of rows) {
      const text = sliceText(one.slice);
      this.#know(text, one);
      const hole = this.#holes.get(one.partition)?.get(text);
      if (hole === undefined) {
        const { partition, slice, from, to, receivedMs, fromMs, toMs } = one;
        this.#open({ partition, slice, from, to, events: one.rows, triedMs: 0, receivedMs, fromMs, toMs });
        continue;
      }
      Object.assign(hole, joined(hole, one));
      if (isNew) hole.events += one.rows;
    }
  }

  /** Nobody knows which events of [from, to) are stored. */
  addUnknown(partition: number, from: number, to: number): void {
    const bounds = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY, receivedMs: 0 };
    this.#open({ partition, slice: undefined, from, to, events: 0, triedMs: 0, ...bounds });
  }

  /** Whether something of the partition has not been looked at. */
  isUnknown(partition: number): boolean {
    return this.#holes.get(partition)?.has('') === true;
  }

  /** Everything of the partition before this is stored, where all before `head` was passed. */
  mark(partition: number, head: number): number {
    let mark = head;
    for (const hole of this.#holes.get(partition)?.values() ?? []) mark = Math.min(mark, hole.from);
    return mark;
  }

  /** What is to be tried now; the one that was tried longest ago. */
  next(): Hole | undefined {
    const nowMs = performance.now();
    let next: Hole | undefined;
    for (const hole of this.#all()) {
      if (this.#dueMs(hole) <= nowMs && hole.triedMs < (next?.triedMs ?? Number.POSITIVE_INFINITY)) next = hole;
    }
    return next;
  }

  /** Until something is to be tried. */
  get untilDueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const hole of this.#all()) dueMs = Math.min(dueMs, this.#dueMs(hole));
    return Math.max(0, dueMs - performance.now());
  }

  /** What lies before `to` is stored, or known as another hole. `some`: the slice has taken some of it. */
  passed(hole: Hole, to: number, some: boolean): void {
    const text = hole.slice === undefined ? '' : sliceText(hole.slice);
    const known = this.#slices.get(text);
    if (known !== undefined && some) {
      known.isBack = true;
      known.pauseMs = 0;
    }
    this.#lookPauseMs = 0;
    hole.from = Math.max(hole.from, to);
    hole.triedMs = performance.now();
    if (hole.from < hole.to) return;
    this.#holes.get(hole.partition)?.delete(text);
    if (text === '') this.onKnown(hole.partition);
    else this.#over(text);
  }

  /** It takes nothing yet. */
  postpone(hole: Hole): void {
    hole.triedMs = performance.now();
    const known = hole.slice && this.#slices.get(sliceText(hole.slice));
    if (known === undefined) {
      this.#lookPauseMs = longer(this.#lookPauseMs);
      this.#lookMs = performance.now() + this.#lookPauseMs;
    } else this.#pause(known);
  }

  /** The partition is another store's. */
  release(partition: number): void {
    const holes = this.#holes.get(partition) ?? new Map<string, Hole>();
    this.#holes.delete(partition);
    this.#givenUp.add(holes.values());
    for (const text of holes.keys()) this.#forget(text);
  }

  /** Everything of the partition before the offset is stored, whoever has it, or waits here. */
  settled(partition: number, before: number): void {
    this.#givenUp.settled(partition, before);
  }

  /** Receipt (epoch ms) of the earliest event that waits and may be in such an answer. */
  cutMs(tenant?: string, fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY): number {
    const policy = this.#parts.policy();
    let cutMs = Number.POSITIVE_INFINITY;
    const cut = ({ slice, receivedMs, ...times }: Hole) => {
      if (receivedMs >= cutMs || times.fromMs >= toMs || times.toMs < fromMs) return;
      if (tenant === undefined || slice === undefined || policy.mayHold(slice, tenant)) cutMs = receivedMs;
    };
    for (const hole of this.#all()) if (hole.slice !== undefined) cut(hole);
    for (const hole of this.#givenUp.all()) cut(hole);
    return cutMs;
  }

  describe(): readonly WaitingSlice[] {
    return [...this.#slices].map(([text, { where, reason, seenMs }]) => {
      const holes = [...this.#holes.values()].flatMap((ofPartition) => ofPartition.get(text) ?? []);
      return {
        where,
        reason,
        seenMs,
        sinceMs: Math.min(this.#parts.clock.now(), ...holes.map(({ receivedMs }) => receivedMs)),
        events: holes.reduce((sum, { events }) => sum + events, 0),
        offsets: holes.reduce((sum, { from, to }) => sum + to - from, 0),
      };
    });
  }

  #know(text: string, { slice, where, reason }: WaitingRows): void {
    const known = this.#slices.get(text);
    if (known === undefined) {
      const made = { slice, where, reason, seenMs: this.#parts.clock.now(), pauseMs: 0, dueMs: 0, isBack: false };
      this.#slices.set(text, made);
      this.#pause(made);
      return;
    }
    if (reason !== '') known.reason = reason;
    if (known.isBack) this.#pause(known);
  }

  #pause(known: Known): void {
    known.isBack = false;
    known.pauseMs = longer(known.pauseMs);
    // With many of them trials would take the time of inserts.
    const eachMs = this.#slices.size * STORE_LIMITS.trialPauseEachMs;
    known.dueMs = performance.now() + Math.max(known.pauseMs, eachMs);
  }

  #dueMs({ slice }: Hole): number {
    if (slice === undefined) return this.#lookMs;
    const known = this.#slices.get(sliceText(slice));
    return known === undefined || known.isBack ? 0 : known.dueMs;
  }

  *#all(): Iterable<Hole> {
    for (const ofPartition of this.#holes.values()) yield* ofPartition.values();
  }

  #open(hole: Hole): void {
    const ofPartition = this.#holes.get(hole.partition) ?? new Map<string, Hole>();
    this.#holes.set(hole.partition, ofPartition);
    ofPartition.set(hole.slice === undefined ? '' : sliceText(hole.slice), hole);
  }

  #over(text: string): void {
    const where = this.#slices.get(text)?.where;
    if (this.#forget(text) && where !== undefined) this.#parts.onOver?.(where);
  }

  /** Unless it waits in another partition. */
  #forget(text: string): boolean {
    const isLeft = this.#holes.values().some((ofPartition) => ofPartition.has(text));
    return !isLeft && this.#slices.delete(text);
  }
}

/** How many there are. */
export function rowsOf(waiting: readonly WaitingRows[]): number {
  return waiting.reduce((sum, { rows }) => sum + rows, 0);
}

function longer(pauseMs: number): number {
  return Math.min(Math.max(pauseMs * 2, STORE_LIMITS.trialPauseMs), STORE_LIMITS.trialPauseMaxMs);
}
