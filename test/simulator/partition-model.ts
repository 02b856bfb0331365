/**
 * One partition as it must be: a map in memory of what was tried and what counts. A record counts from when it was
 * acknowledged, or seen by a reader, or found by a new owner: from then on it has to be there, the same, at its offset.
 */
import type { CorruptRange } from '../../src/queue/port.ts';

export interface FoundRecord {
  readonly offset: number;
  readonly value: string;
  readonly epoch: number;
}

interface Known {
  readonly value: string;
  readonly epoch: number;
  /** How it came to count. */
  readonly why: string;
}

interface KnownBatch {
  readonly base: number;
  readonly next: number;
  readonly newestMs: number;
}

export class PartitionModel {
  readonly name: string;
  readonly known = new Map<number, Known>();
  /** Below it everything is settled: it is known, or will never be there. */
  settledTo = 0;
  /** Offsets whose bytes were damaged behind everyone's back. */
  readonly damaged = new Set<number>();
  /** The highest start that was told to anybody. */
  earliest = 0;
  /** Retention may go so far: what all required groups have tried to commit. */
  readonly mayRetainTo: () => number;
  /** Owners: where each began. */
  readonly #starts = new Map<number, number>();
  /** What a reader passed over, since it had been cut: it must not come back. */
  readonly #gone = new Set<number>();
  readonly #tried = new Map<number, Known[]>();
  readonly #batches = new Map<number, KnownBatch>();

  constructor(name: string, mayRetainTo: () => number) {
    this.name = name;
    this.mayRetainTo = mayRetainTo;
  }

  opened(epoch: number, nextOffset: number): void {
    if (this.#starts.has(epoch)) this.#fail(`epoch ${epoch} was given twice`);
    this.#starts.set(epoch, nextOffset);
  }

  trying(epoch: number, base: number, values: readonly string[]): void {
    for (const [i, value] of values.entries()) {
      const tried = this.#tried.get(base + i);
      const record = { value, epoch, why: 'tried' };
      if (tried === undefined) this.#tried.set(base + i, [record]);
      else tried.push(record);
    }
  }

  acknowledged(epoch: number, base: number, values: readonly string[], newestMs: number): void {
    for (const [i, value] of values.entries()) this.#counts(base + i, value, epoch, 'acknowledged');
    this.#batches.set(base, { base, next: base + values.length, newestMs });
  }

  /** A reader that asked for `from` was given these, and was told what is corrupt; it goes on at `next`. */
  read(from: number, found: readonly FoundRecord[], corrupt: readonly CorruptRange[], next: number): void {
    const lost = this.#reported(corrupt);
    let expected = from;
    for (const { offset, value, epoch } of found) {
      if (offset < expected && offset >= from) this.#fail(`offset ${offset} was read after ${expected - 1}`);
      this.#mayLack(Math.max(expected, from), offset, lost);
      this.#counts(offset, value, epoch, 'read');
      expected = Math.max(expected, offset + 1);
    }
    this.#mayLack(expected, next, lost);
  }

  /** A new owner goes on at `nextOffset`, and read what was there before it. */
  recovered(
    epoch: number,
    nextOffset: number,
    earliest: number,
    found: readonly FoundRecord[],
    corrupt: readonly CorruptRange[],
  ): void {
    this.starts(earliest);
    const lost = this.#reported(corrupt);
    const at = new Map(found.map((record) => [record.offset, record]));
    for (const [offset, { value, why, epoch: of }] of this.known) {
      if (offset >= nextOffset && of < epoch)
        this.#fail(`${offset} was ${why}, epoch ${epoch} goes on at ${nextOffset}`);
      if (offset < earliest || offset >= nextOffset || at.has(offset)) continue;
      if (!(this.damaged.has(offset) && lost.has(offset))) {
        this.#fail(`${offset} was ${why} as '${value}' and is not there for epoch ${epoch}`);
      }
    }
    let last: FoundRecord | undefined;
    for (const record of found) {
      const { offset } = record;
      if (last !== undefined && offset <= last.offset) this.#fail(`${offset} came after ${last.offset}`);
      this.#follows(record, at, earliest);
      this.#counts(offset, record.value, record.epoch, 'found');
      last = record;
    }
    for (const offset of this.#tried.keys()) {
      if (offset < nextOffset && offset < this.settledTo) this.#tried.delete(offset);
    }
    this.settledTo = Math.max(this.settledTo, nextOffset);
  }

  /** Somebody was told that the partition begins here. */
  starts(earliest: number): void {
    if (earliest > this.mayRetainTo()) {
      this.#fail(`retention went to ${earliest}, a required group is at ${this.mayRetainTo()}`);
    }
    this.earliest = Math.max(this.earliest, earliest);
  }

  /** A reader found this offset for the time, while the partition ended at or after `endBefore`. */
  foundTime(timeMs: number, found: number, earliestBefore: number, endBefore: number): void {
    if (this.damaged.size > 0) return;
    for (const { base, next, newestMs } of this.#batches.values()) {
      if (base < Math.max(this.earliest, earliestBefore) || !this.known.has(base)) continue;
      if (next <= Math.min(found, endBefore) && newestMs >= timeMs) {
        this.#fail(`${timeMs} is at ${base} already, ${found} was found`);
      }
      if (base === found && found < endBefore && newestMs < timeMs) this.#fail(`${found} is before ${timeMs}`);
    }
  }

  damage(base: number, next: number): void {
    for (let offset = base; offset < next; offset++) this.damaged.add(offset);
  }

  /** Whether nothing will ever be there: nothing counts and it is settled. */
  isGap(offset: number): boolean {
    return offset < this.settledTo && !this.known.has(offset);
  }

  #counts(offset: number, value: string, epoch: number, why: string): void {
    const known = this.known.get(offset);
    if (known !== undefined) {
      if (known.value === value) return;
      this.#fail(`${offset} was ${known.why} as '${known.value}' and is now ${why} as '${value}'`);
    }
    if (offset < this.settledTo || this.#gone.has(offset))
      this.#fail(`${offset} is ${why} as '${value}' although it was gone for good`);
    const tried = this.#tried.get(offset)?.find((record) => record.value === value && record.epoch === epoch);
    if (tried === undefined)
      this.#fail(`${offset} is ${why} as '${value}' of epoch ${epoch}, which was never appended`);
    this.known.set(offset, { value, epoch, why });
  }

  /** What one owner wrote has no gaps: it stands behind another record of the owner, or is the owner's first. */
  #follows({ offset, epoch }: FoundRecord, at: ReadonlyMap<number, FoundRecord>, earliest: number): void {
    const before = offset - 1;
    if (offset <= earliest || this.#starts.get(epoch) === offset) return;
    if (at.get(before)?.epoch === epoch || this.damaged.has(before)) return;
    this.#fail(`${offset} of epoch ${epoch} is there and what it appended before is not`);
  }

  #reported(corrupt: readonly CorruptRange[]): Set<number> {
    const lost = new Set<number>();
    for (const { fromOffset, nextOffset } of corrupt) {
      for (let offset = fromOffset as number; offset < nextOffset; offset++) {
        lost.add(offset);
        if (this.damaged.has(offset) || this.isGap(offset)) continue;
        this.#fail(`${offset} was called corrupt (${fromOffset} to ${nextOffset}); nobody damaged it`);
      }
    }
    return lost;
  }

  #mayLack(from: number, to: number, lost: ReadonlySet<number>): void {
    for (let offset = from; offset < to; offset++) {
      if (lost.has(offset) || this.isGap(offset)) continue;
      if (this.known.has(offset)) this.#fail(`${offset} was passed over without a word`);
      this.#gone.add(offset);
    }
  }

  #fail(what: string): never {
    throw new BrokenPromise(`${this.name}: ${what}`);
  }
}

/** What the simulator is looking for. */
export class BrokenPromise extends Error {
  constructor(what: string, options?: ErrorOptions) {
    super(what, options);
    this.name = 'BrokenPromise';
  }
}
