import type { Extent } from '../extent.ts';
import type { SliceKey } from '../slices.ts';

/** Offsets of a partition of which some are not stored. */
export interface Hole extends Extent {
  readonly partition: number;
  /** Undefined: nobody has looked which events of it are stored. */
  readonly slice: SliceKey | undefined;
  events: number;
  /** When it was tried last. */
  triedMs: number;
}
