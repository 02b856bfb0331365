/**
 * What waited in partitions when they were given up: how far answers are complete was said with it in mind, and is until
 * whoever has the partition now has stored it. That one is known by what it commits.
 */
import { STORE_LIMITS } from '../../lib/limits.ts';
import { joined } from '../extent.ts';
import { sliceText } from '../slices.ts';
import type { Hole } from './hole.ts';

export class GivenUp {
  /** By partition, and by slice as text; `` (empty) is of all slices. */
  readonly #holes = new Map<number, Map<string, Hole>>();

  add(holes: Iterable<Hole>): void {
    for (const hole of holes) {
      const { partition, slice } = hole;
      // Of what nobody has looked at nothing was said.
      if (slice === undefined) continue;
      const ofPartition = this.#holes.get(partition) ?? new Map<string, Hole>();
      this.#holes.set(partition, ofPartition);
      const text = sliceText(slice);
      ofPartition.set(text, both(ofPartition.get(text), hole));
      if (ofPartition.size <= STORE_LIMITS.waitingSlices) continue;
      const all = [...ofPartition.values()].reduce((known, one) => ({ ...both(known, one), slice: undefined }));
      this.#holes.set(partition, new Map([['', all]]));
    }
  }

  /** Everything of the partition before the offset is stored, or known as what waits here. */
  settled(partition: number, before: number): void {
    const ofPartition = this.#holes.get(partition);
    for (const [text, { to }] of ofPartition ?? []) if (to <= before) ofPartition?.delete(text);
    if (ofPartition?.size === 0) this.#holes.delete(partition);
  }

  /** Without a slice: any. */
  *all(): Iterable<Hole> {
    for (const ofPartition of this.#holes.values()) yield* ofPartition.values();
  }
}

function both(known: Hole | undefined, hole: Hole): Hole {
  if (known === undefined) return { ...hole };
  return { ...hole, ...joined(known, hole) };
}
