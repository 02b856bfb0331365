/** Zig-zag varints as in Kafka's records and Protocol Buffers (sint32 and sint64 within ±2^53). */

/** Bytes that `value` takes. */
export function varintSize(value: number): number {
  if (value >= 0) {
    if (value < 0x40) return 1;
    if (value < 0x2000) return 2;
    if (value < 0x10_0000) return 3;
  }
  let rest = value >= 0 ? value * 2 : -value * 2 - 1;
  let size = 1;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 128);
    size++;
  }
  return size;
}

/** Writes `value` at `at` and returns the position after it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  if (value >= 0 && value < 0x2000) {
    if (value < 0x40) {
      target[at] = value << 1;
      return at + 1;
    }
    target[at] = ((value << 1) & 0x7f) | 0x80;
    target[at + 1] = value >>> 6;
    return at + 2;
  }
  let position = at;
  if (value >= -0x4000_0000 && value < 0x4000_0000) {
    let rest = ((value << 1) ^ (value >> 31)) >>> 0;
    while (rest >= 0x80) {
      target[position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    target[position++] = rest;
    return position;
  }
  let rest = value >= 0 ? value * 2 : -value * 2 - 1;
  while (rest >= 0x80) {
    target[position++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  target[position++] = rest;
  return position;
}

/** A reading position that moves; `readVarint` returns NaN where the bytes end or the varint is longer than 10 bytes. */
export interface ByteCursor {
  at: number;
}

export function readVarint(source: Uint8Array, cursor: ByteCursor): number {
  let position = cursor.at;
  let byte = source[position++] ?? -1;
  if (byte < 0) return Number.NaN;
  if (byte < 0x80) {
    cursor.at = position;
    return (byte >>> 1) ^ -(byte & 1);
  }
  let value = byte & 0x7f;
  let scale = 128;
  for (let count = 1; count < 10; count++) {
    byte = source[position++] ?? -1;
    if (byte < 0) return Number.NaN;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      cursor.at = position;
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    scale *= 128;
  }
  return Number.NaN;
}
