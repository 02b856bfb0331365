/** What one seed is about: which faults there are, how often, and how the queue is set up. */
import type { BatchCompression } from '../../src/event/record-batch.ts';
import type { OperationKind } from '../../src/lib/memory-disk.ts';
import type { Random } from '../../src/lib/random.ts';

export interface Mood {
  readonly lives: number;
  readonly stickiness: number;
  readonly segmentBytes: number;
  readonly compression: BatchCompression;
  readonly retention: { readonly maxBytes?: number; readonly maxAgeMs?: number };
  /** Probabilities, each of one operation. */
  readonly syncFails: number;
  readonly ioFails: number;
  readonly shortWrites: boolean;
  /** Probabilities, each of one step of whoever makes trouble. */
  readonly diskFills: number;
  readonly clockJumps: number;
  readonly bitsRot: number;
  readonly takeovers: number;
  readonly kills: number;
  readonly joins: number;
  readonly additions: number;
  readonly silences: number;
  readonly marksLost: number;
}

/** Not everything at once: what hides behind one fault is found where there are only others. */
export function moodFrom(random: Random): Mood {
  // A zombie that is in the middle of a write, or cuts back what a full disk took of it, while its successor reads that
  // group, takes away what only the successor knows of: that nobody else runs is what the data folder's lock is for.
  const hasZombies = random.chance(0.4);
  const sometimes = (share: number, probability: number) => (random.chance(share) ? probability : 0);
  return {
    lives: random.between(1, 3),
    stickiness: random.pick([0, 0, 0.5, 0.9]),
    segmentBytes: random.pick([1, 400, 900, 2_500, 100_000]),
    compression: random.chance(0.1) ? 'zstd' : 'none',
    retention: random.pick([{}, { maxBytes: 1_500 }, { maxAgeMs: 20_000 }, { maxBytes: 4_000, maxAgeMs: 60_000 }]),
    syncFails: sometimes(0.3, 0.02),
    ioFails: sometimes(0.15, 0.004),
    shortWrites: !hasZombies && random.chance(0.25),
    diskFills: hasZombies ? 0 : sometimes(0.4, 0.1),
    clockJumps: sometimes(0.5, 0.2),
    bitsRot: sometimes(0.3, 0.1),
    takeovers: hasZombies ? 0.15 : 0,
    kills: sometimes(0.4, 0.1),
    joins: sometimes(0.4, 0.08),
    additions: sometimes(0.4, 0.1),
    silences: sometimes(0.5, 0.1),
    marksLost: sometimes(0.5, 0.3),
  };
}

/** A life that runs on after its last moment ends without a crash. */
export interface LastMoment {
  readonly when: 'before' | 'after';
  /** Only operations of this kind count; of any where it is absent. */
  readonly kind?: OperationKind;
  /** The power goes at the operation of this number, from 1. */
  readonly number: number;
}

export const OPERATION_KINDS: readonly OperationKind[] = [
  'open',
  'create',
  'write',
  'read',
  'dataSync',
  'truncate',
  'sizeBytes',
  'close',
  'list',
  'makeDirectory',
  'rename',
  'remove',
  'syncDirectory',
];

/** How many of a kind there are before a crash at the most: so that rare kinds are hit too. */
const FIRST_OF_KIND: Partial<Record<OperationKind, number>> = { truncate: 1, makeDirectory: 3, remove: 5, rename: 12 };

export function lastMomentFrom(random: Random): LastMoment {
  const when = random.pick(['before', 'after'] as const);
  if (random.chance(0.6)) return { when, number: random.between(1, 260) };
  const kind = random.pick(OPERATION_KINDS);
  return { when, kind, number: random.between(1, FIRST_OF_KIND[kind] ?? 20) };
}
