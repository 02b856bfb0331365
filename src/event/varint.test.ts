import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readVarint, varintSize, writeVarint } from './varint.ts';

const EDGES = [
  0,
  1,
  -1,
  63,
  64,
  -64,
  -65,
  8_191,
  8_192,
  -8_192,
  -8_193,
  0xf_ffff,
  0x10_0000,
  2 ** 30 - 1,
  2 ** 30,
].concat([-(2 ** 30), -(2 ** 30) - 1, 2 ** 31, -(2 ** 31), 2 ** 45, 2 ** 52 - 1, -(2 ** 52)]);

function roundTrip(value: number): { read: number; bytes: number } {
  const bytes = Buffer.alloc(12, 0xff);
  const end = writeVarint(bytes, 1, value);
  const cursor = { at: 1 };
  const read = readVarint(bytes, cursor);
  expect(cursor.at).toBe(end);
  expect(end - 1).toBe(varintSize(value));
  return { read, bytes: end - 1 };
}

describe('a varint', () => {
  it('is read as it was written, in as many bytes as were announced', () => {
    for (const value of EDGES) expect(roundTrip(value).read).toBe(value);
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        // Not -0, which no bytes stand for.
        const half = Math.trunc(value / 2) + 0;
        expect(roundTrip(half).read).toBe(half);
      }),
    );
  });

  it('has the bytes that Kafka and Protocol Buffers give it', () => {
    const encode = (value: number) => {
      const bytes = Buffer.alloc(10);
      return bytes.subarray(0, writeVarint(bytes, 0, value)).toString('hex');
    };
    expect([0, -1, 1, -2, 300, -300, 2_147_483_647].map(encode)).toEqual([
      '00',
      '01',
      '02',
      '03',
      'd804',
      'd704',
      'feffffff0f',
    ]);
  });

  it('that is cut off or longer than ten bytes is no number, and the cursor stays', () => {
    const endless = Buffer.alloc(20, 0x80);
    for (let length = 0; length <= 20; length++) {
      const cursor = { at: 0 };
      expect(readVarint(endless.subarray(0, length), cursor)).toBeNaN();
      expect(cursor.at).toBe(0);
    }
  });
});
