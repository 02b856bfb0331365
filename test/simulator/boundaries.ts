/** Counts of operations, and of what happened at them. */
import type { OperationKind } from '../../src/lib/memory-disk.ts';
import { OPERATION_KINDS } from './mood.ts';

export interface Boundary {
  operations: number;
  before: number;
  after: number;
  errors: number;
}

export type BoundaryCounts = Record<OperationKind, Boundary>;

export class Boundaries {
  readonly counts: BoundaryCounts = noBoundaries();

  operation(kind: OperationKind): void {
    this.counts[kind].operations++;
  }

  crash(kind: OperationKind, when: 'before' | 'after'): void {
    this.counts[kind][when]++;
  }

  error(kind: OperationKind): void {
    this.counts[kind].errors++;
  }

  get operations(): number {
    return Object.values(this.counts).reduce((sum, { operations }) => sum + operations, 0);
  }
}

export function noBoundaries(): BoundaryCounts {
  const none = (): Boundary => ({ operations: 0, before: 0, after: 0, errors: 0 });
  return Object.fromEntries(OPERATION_KINDS.map((kind) => [kind, none()])) as BoundaryCounts;
}

export function addBoundaries(to: BoundaryCounts, counts: BoundaryCounts): void {
  for (const kind of OPERATION_KINDS) {
    const sum = to[kind];
    const { operations, before, after, errors } = counts[kind];
    sum.operations += operations;
    sum.before += before;
    sum.after += after;
    sum.errors += errors;
  }
}
