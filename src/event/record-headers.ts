/** Headers of a record: key and value pairs, as bytes that are the same for all records that share them. */
import { writeVarint } from './varint.ts';

/** The headers of a record, encoded once and used for all records that share them. */
export function encodeHeaders(headers: readonly (readonly [key: string, value: Uint8Array])[]): Buffer {
  const keys = headers.map(([key]) => Buffer.from(key));
  const size = headers.reduce((sum, [, value], i) => sum + (keys[i]?.length ?? 0) + value.length + 10, 5);
  const bytes = Buffer.allocUnsafe(size);
  let at = writeVarint(bytes, 0, headers.length);
  for (const [i, [, value]] of headers.entries()) {
    const key = keys[i] ?? Buffer.alloc(0);
    at = writeVarint(bytes, at, key.length);
    bytes.set(key, at);
    at = writeVarint(bytes, at + key.length, value.length);
    bytes.set(value, at);
    at += value.length;
  }
  return bytes.subarray(0, at);
}

export const NO_HEADERS = encodeHeaders([]);
