/**
 * Which partition of `raw` a source goes to: the same for as long as the number of partitions is, and when partitions are
 * added a source either stays or moves to one of the new ones, never to an older one. So its order can be kept over the
 * move: the new ones are read after what stands before it in the others.
 *
 * Among the partitions that the topic began with, a source goes by its hash modulo their number; those that were added
 * take their share by jump consistent hashing (Lamping and Veach, 2014), whose jumps only go up.
 */
import { createHash } from 'node:crypto';

/** The parts are told apart by their lengths, so that ("ab", "c") and ("a", "bc") are two sources. */
export function hashSource(source: readonly string[]): Buffer {
  return createHash('sha1')
    .update(source.map((part) => `${part.length}:${part}`).join(''))
    .digest();
}

/** `first`: how many partitions there were at first. */
export function partitionOf(hash: Buffer, first: number, partitions: number): number {
  if (partitions > first) {
    const jumped = jump(hash.readBigUInt64BE(4), partitions);
    if (jumped >= first) return jumped;
  }
  return hash.readUInt32BE(0) % first;
}

/** The last bucket below `count` that the key jumps to. */
function jump(key: bigint, count: number): number {
  let state = key;
  let bucket = 0;
  for (let next = 0; next < count; ) {
    bucket = next;
    state = BigInt.asUintN(64, state * 2_862_933_555_777_941_757n + 1n);
    next = Math.floor((bucket + 1) * (2 ** 31 / (Number(state >> 33n) + 1)));
  }
  return bucket;
}
