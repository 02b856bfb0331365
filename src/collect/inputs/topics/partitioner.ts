/** The partition of a key, as Kafka's own clients choose it: whoever produces by HTTP and by a client agrees on it. */

const SEED = 0x9747b28c;
const M = 0x5bd1e995;
const R = 24;

export function partitionOfKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

/** MurmurHash2 of 32 bits, with Kafka's seed. */
export function murmur2(bytes: Uint8Array): number {
  const at = (index: number): number => bytes[index] ?? 0;
  let hash = SEED ^ bytes.length;
  const whole = bytes.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k = at(i) | (at(i + 1) << 8) | (at(i + 2) << 16) | (at(i + 3) << 24);
    k = Math.imul(k, M);
    k ^= k >>> R;
    hash = Math.imul(hash, M) ^ Math.imul(k, M);
  }
  const left = bytes.length - whole;
  if (left === 3) hash ^= at(whole + 2) << 16;
  if (left >= 2) hash ^= at(whole + 1) << 8;
  if (left >= 1) hash = Math.imul(hash ^ at(whole), M);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, M);
  return hash ^ (hash >>> 15);
}
