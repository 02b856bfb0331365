import type { SliceKey } from '../slices.ts';

/** Offsets of a partition of which some are not stored. */
export interface Hole {
  readonly partition: number;
  /** Undefined: nobody has looked which events of it are stored. */
  readonly slice: SliceKey | undefined;
  from: number;
  to: number;
  events: number;
  /** When it was tried last. */
  triedMs: number;
  /** Receipt of the earliest of its events, and bounds of their timestamps, epoch ms. */
  receivedMs: number;
  fromMs: number;
  toMs: number;
}
