/** Bytes of a text within a larger buffer, compared and hashed where they stand: no text is made of them. */

/** FNV-1a of `source[start, end)`, folded so that its low bits tell texts apart; a signed number of 32 bits. */
export function hashOfBytes(source: Buffer, start: number, end: number): number {
  let hash = 0x811c_9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (source[i] ?? 0), 0x0100_0193);
  return hash ^ (hash >>> 15);
}

/** Whether `a[aStart, aStart + length)` and `b[bStart, bStart + length)` are the same. */
export function areSameBytes(a: Buffer, aStart: number, b: Buffer, bStart: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}
