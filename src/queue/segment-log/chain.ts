/**
 * Which segments of a partition's folder count, and how far. A new owner's segment begins where the data that it found
 * ends; whatever an older epoch has at or past that offset was never acknowledged and is ignored.
 */
import { parseSegmentName, type SegmentName, segmentOfTorn } from './names.ts';

export interface ChainedSegment extends SegmentName {
  /** Records at or past this offset belong to the next segment; Infinity for the last one. */
  readonly bound: number;
  /** The torn end of it was cut, so the offsets up to `bound` may be unused. */
  readonly wasTorn: boolean;
}

export interface Chain {
  /** By offset. */
  readonly segments: readonly ChainedSegment[];
}

/** From the names in a partition's folder. */
export function chainOf(names: readonly string[]): Chain {
  const found = names
    .flatMap((name) => parseSegmentName(name) ?? [])
    .sort((a, b) => b.epoch - a.epoch || b.base - a.base);
  const torn = new Set(names.flatMap((name) => segmentOfTorn(name) ?? []));
  const segments: ChainedSegment[] = [];
  let bound = Number.POSITIVE_INFINITY;
  // From the newest epoch down: a segment counts while it begins before everything newer.
  for (const segment of found) {
    if (segment.base >= bound) continue;
    segments.push({ ...segment, bound, wasTorn: torn.has(segment.name) });
    bound = segment.base;
  }
  return { segments: segments.reverse() };
}

/** The segment that holds the offset, or would; undefined below the first. */
export function segmentFor(chain: Chain, offset: number): ChainedSegment | undefined {
  let low = 0;
  let high = chain.segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((chain.segments[middle]?.base ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return chain.segments[low - 1];
}
