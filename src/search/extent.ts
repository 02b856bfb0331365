/** Which offsets of a partition some events lie between, and which times are theirs. */
export interface Extent {
  /** Their offsets lie in [from, to). */
  from: number;
  to: number;
  /** Receipt of the earliest, epoch ms. */
  receivedMs: number;
  /** Bounds of their timestamps, both inclusive, epoch ms. */
  fromMs: number;
  toMs: number;
}

/** Of the events of both. */
export function joined(one: Readonly<Extent>, other: Readonly<Extent>): Extent {
  return {
    from: Math.min(one.from, other.from),
    to: Math.max(one.to, other.to),
    receivedMs: Math.min(one.receivedMs, other.receivedMs),
    fromMs: Math.min(one.fromMs, other.fromMs),
    toMs: Math.max(one.toMs, other.toMs),
  };
}
