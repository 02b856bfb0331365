/** At a start: rows of which the catalogue does not know whose they are. Questions then leave out no condition for them. */
import type { Catalogue } from '../catalogue.ts';
import { expiryOf } from '../slices.ts';
import type { StoredPartition } from './events-table.ts';
import type { SliceNumbers } from './slice-numbers.ts';

export interface StoredRows {
  readonly partitions: readonly Pick<StoredPartition, 'number'>[];
  readonly numbers: Pick<SliceNumbers, 'sliceOf'>;
  readonly catalogue: Catalogue;
  readonly nowMs: number;
}

export function expectUnknownRows({ partitions, numbers, catalogue, nowMs }: StoredRows): void {
  for (const { number } of partitions) {
    const slice = numbers.sliceOf(number);
    // `journal/` was removed, and not `engine/`: nothing says whose rows these are, as long as they are there.
    if (slice === undefined) catalogue.expectNobodys();
    // Retention may have forgotten a slice and been cut short, also one into which an insert was under way. It comes again.
    else if (!catalogue.has(slice) || expiryOf(slice) <= nowMs) catalogue.leave(slice);
  }
}
