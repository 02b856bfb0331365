import { constants, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SpillwayError } from '../lib/errors.ts';
import { QUEUE_LIMITS } from '../lib/limits.ts';
import {
  BATCH_HEADER_BYTES,
  batchIsIntact,
  encodeHeaders,
  NO_HEADERS,
  RecordBatchBuilder,
  RecordCursor,
  readBatchHeader,
  sealBatch,
} from './record-batch.ts';

interface Given {
  readonly value: Uint8Array;
  readonly timestampMs: number;
  readonly key: Uint8Array | undefined;
  readonly headers: readonly (readonly [string, Uint8Array])[];
}

const SIZE_LEFT_OUT = { [constants.ZSTD_c_contentSizeFlag]: 0 };

/** The lowest byte of the size, which follows the descriptor (and the window where there is one). */
function withWrongSize(frame: Buffer): Buffer {
  const at = ((frame[4] ?? 0) & 0x20) === 0 ? 6 : 5;
  frame[at] = (frame[at] ?? 0) ^ 0xff;
  return frame;
}

const bytes = fc.uint8Array({ maxLength: 300 });
const given: fc.Arbitrary<Given> = fc.record({
  value: bytes,
  timestampMs: fc.integer({ min: 0, max: 253_402_300_799_999 }),
  key: fc.option(bytes, { nil: undefined }),
  headers: fc.array(fc.tuple(fc.string({ maxLength: 20 }), bytes), { maxLength: 3 }),
});
const compression = fc.constantFrom('none', 'zstd');

function encode(records: readonly Given[], kind: 'none' | 'zstd'): Buffer {
  const builder = new RecordBatchBuilder({ compression: kind });
  for (const { value, timestampMs, key, headers } of records) {
    builder.append(value, 0, value.length, timestampMs, encodeHeaders(headers), key);
  }
  return builder.finish();
}

const plain = (part: Uint8Array | undefined) => (part === undefined ? undefined : Buffer.from(part).toString('hex'));

describe('a record batch', () => {
  it('tells a record without a value from one whose value is empty, compressed or not', () => {
    for (const kind of ['none', 'zstd'] as const) {
      const builder = new RecordBatchBuilder({ compression: kind });
      const [key, headers] = [Buffer.from('k'), encodeHeaders([['h', Buffer.from('1')]])];
      builder.appendNull(1, headers, key);
      builder.append(Buffer.alloc(0), 0, 0, 2, headers, key);
      builder.append(Buffer.from('v'), 0, 1, 3);
      builder.appendNull(4);
      const batch = builder.finish();
      sealBatch(batch, 7, 0, 0);
      const record = new RecordCursor(batch);
      const found: unknown[] = [];
      while (record.next()) {
        const { isNull, offset, timestampMs } = record;
        const header = record.headerValue('h')?.toString();
        found.push([offset, timestampMs, isNull, record.value().toString(), record.key()?.toString(), header]);
      }
      expect(found).toEqual([
        [7, 1, true, '', 'k', '1'],
        [8, 2, false, '', 'k', '1'],
        [9, 3, false, 'v', undefined, undefined],
        [10, 4, true, '', undefined, undefined],
      ]);
    }
  });

  it('gives every record back as it was put in, compressed or not', () => {
    fc.assert(
      fc.property(fc.array(given, { minLength: 1, maxLength: 40 }), compression, (records, kind) => {
        const batch = encode(records, kind);
        sealBatch(batch, 1_000, 7, 55);
        expect(batchIsIntact(batch)).toBe(true);
        const record = new RecordCursor(batch);
        for (const [i, put] of records.entries()) {
          expect(record.next()).toBe(true);
          expect(record.offset).toBe(1_000 + i);
          expect(record.timestampMs).toBe(put.timestampMs);
          expect(plain(record.value())).toBe(plain(put.value));
          expect(plain(record.key())).toBe(plain(put.key));
          for (const [name] of put.headers) {
            const first = put.headers.find(([known]) => known === name)?.[1];
            expect(plain(record.headerValue(name))).toBe(plain(first));
          }
          expect(record.headerValue('a name that is longer than any other')).toBeUndefined();
        }
        expect(record.next()).toBe(false);
      }),
    );
  });

  it('has a header that says what is in it', () => {
    fc.assert(
      fc.property(fc.array(given, { minLength: 1, maxLength: 20 }), compression, (records, kind) => {
        const batch = encode(records, kind);
        sealBatch(batch, 2 ** 52, 2 ** 31 - 1, 2 ** 40);
        expect(readBatchHeader(batch)).toEqual({
          baseOffset: 2 ** 52,
          sizeBytes: batch.length,
          epoch: 2 ** 31 - 1,
          lastOffsetDelta: records.length - 1,
          baseTimestampMs: records[0]?.timestampMs,
          maxTimestampMs: Math.max(...records.map(({ timestampMs }) => timestampMs)),
          groupStart: 2 ** 40,
          recordCount: records.length,
          compression: kind,
        });
      }),
    );
  });

  it('is in the layout of Kafka, byte for byte', () => {
    const builder = new RecordBatchBuilder();
    const headers = encodeHeaders([['h', Buffer.from('v')]]);
    builder.append(Buffer.from('value'), 0, 5, 1_000, headers, Buffer.from('k'));
    builder.append(Buffer.from('xyz'), 1, 2, 1_001, NO_HEADERS);
    const batch = builder.finish();
    sealBatch(batch, 5, 3, 9);
    expect(batch.toString('hex')).toBe(
      [
        '0000000000000005', // base offset
        '0000004a', // length of what follows
        '00000003', // leader epoch
        '02', // magic
        batch.toString('hex', 17, 21),
        '0000', // attributes
        '00000001', // last offset delta
        '00000000000003e8', // base timestamp
        '00000000000003e9', // newest timestamp
        '0000000000000009', // producer id: the group's start
        'ffff', // producer epoch
        'ffffffff', // base sequence
        '00000002', // records
        `20000000026b0a${Buffer.from('value').toString('hex')}0202680276`,
        `0e0002020102${Buffer.from('y').toString('hex')}00`,
      ].join(''),
    );
  });

  it('of a run is the same as of its records one by one', () => {
    const run = fc.record({
      gaps: fc.array(fc.tuple(fc.nat(3), fc.nat(400)), { minLength: 1, maxLength: 60 }),
      headerBytes: fc.nat(80),
      maxBytes: fc.constantFrom(200, 1_000, 5_000, QUEUE_LIMITS.groupBytes),
    });
    fc.assert(
      fc.property(run, ({ gaps, headerBytes, maxBytes }) => {
        const source = Buffer.from(Array.from({ length: 30_000 }, (_, i) => (i * 31) % 251));
        const headers = encodeHeaders([['m', Buffer.alloc(headerBytes, 1)]]);
        const bounds: number[] = [];
        let at = 0;
        for (const [gap, length] of gaps) {
          bounds.push(at + gap, at + gap + length);
          at += gap + length;
        }
        const one = new RecordBatchBuilder({ maxBytes });
        const single: string[] = [];
        for (let i = 0; i < gaps.length; i++) {
          const [start = 0, end = 0] = bounds.slice(2 * i);
          if (one.append(source, start, end, 5, headers)) continue;
          single.push(one.finish().toString('hex'));
          one.append(source, start, end, 5, headers);
        }
        single.push(one.finish().toString('hex'));
        const many = new RecordBatchBuilder({ maxBytes });
        const runs: string[] = [];
        for (let i = 0; i < gaps.length; ) {
          const next = many.appendRun(source, bounds, i, gaps.length, 5, headers);
          if (next < gaps.length) runs.push(many.finish().toString('hex'));
          i = next;
        }
        runs.push(many.finish().toString('hex'));
        expect(runs).toEqual(single);
      }),
    );
  });

  it('takes records up to its limit, and one larger record when it is empty', () => {
    const builder = new RecordBatchBuilder({ maxBytes: 1_000 });
    const value = Buffer.alloc(300, 'x');
    let count = 0;
    while (builder.append(value, 0, 300, 1)) count++;
    expect(count).toBe(2);
    expect(builder.sizeBytes).toBeLessThanOrEqual(1_000);
    expect(builder.finish().length).toBeLessThanOrEqual(1_000);
    expect(builder.append(Buffer.alloc(5_000), 0, 5_000, 1)).toBe(true);
    expect(builder.append(value, 0, 1, 1)).toBe(false);
    expect(builder.recordCount).toBe(1);
    expect(readBatchHeader(builder.finish())?.recordCount).toBe(1);
    expect(() => builder.finish()).toThrow(RangeError);
  });

  it('is not changed by what the builder does next', () => {
    const builder = new RecordBatchBuilder();
    builder.append(Buffer.from('first'), 0, 5, 1);
    const first = builder.finish();
    const before = Buffer.from(first);
    builder.append(Buffer.from('other'), 0, 5, 1);
    builder.finish();
    expect(first).toEqual(before);
  });

  it('that was changed in any bit after its epoch is not intact, and its length does not run past the limit', () => {
    const batch = encode([{ value: Buffer.from('value'), timestampMs: 1, key: undefined, headers: [] }], 'none');
    sealBatch(batch, 0, 0, 0);
    for (let bit = 17 * 8; bit < batch.length * 8; bit++) {
      const changed = Buffer.from(batch);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(batchIsIntact(changed)).toBe(false);
    }
    const long = Buffer.from(batch);
    long.writeInt32BE(QUEUE_LIMITS.batchBytes - 12, 8);
    expect(readBatchHeader(long)?.sizeBytes).toBe(QUEUE_LIMITS.batchBytes);
    long.writeInt32BE(QUEUE_LIMITS.batchBytes - 11, 8);
    expect(readBatchHeader(long)).toBeUndefined();
  });

  it('that unpacks to more than the limit is refused', () => {
    const size = QUEUE_LIMITS.decompressedBatchBytes;
    const builder = new RecordBatchBuilder({ compression: 'zstd', maxBytes: 2 * size });
    const value = Buffer.alloc(size - 40);
    builder.append(value, 0, value.length, 1);
    expect(new RecordCursor(builder.finish()).next()).toBe(true);
    builder.append(Buffer.alloc(size + 1), 0, size + 1, 1);
    const bomb = builder.finish();
    expect(bomb.length).toBeLessThan(10_000);
    expect(() => new RecordCursor(bomb)).toThrow(SpillwayError);
  });

  it.each([
    ['without its size', (records: Buffer) => zstdCompressSync(records, { params: SIZE_LEFT_OUT })],
    ['with its size', (records: Buffer) => zstdCompressSync(records)],
    ['with a wrong size', (records: Buffer) => withWrongSize(zstdCompressSync(records))],
  ])('is read, or refused, whatever its frame says: %s', (name, compress) => {
    for (const length of [1, 200, 255, 256, 70_000]) {
      const value = Buffer.alloc(length, 'v');
      const plain = encode([{ value, timestampMs: 1, key: undefined, headers: [] }], 'none');
      const batch = Buffer.concat([
        plain.subarray(0, BATCH_HEADER_BYTES),
        compress(Buffer.from(plain.subarray(BATCH_HEADER_BYTES))),
      ]);
      batch.writeInt32BE(batch.length - 12, 8);
      batch.writeInt16BE(4, 21);
      if (name === 'with a wrong size') expect(() => new RecordCursor(batch)).toThrow(SpillwayError);
      else {
        const cursor = new RecordCursor(batch);
        expect(cursor.next()).toBe(true);
        expect(Buffer.from(cursor.value())).toEqual(value);
      }
    }
  });

  it('is refused where it is cut off', () => {
    const batch = encode([{ value: Buffer.from('value'), timestampMs: 1, key: undefined, headers: [] }], 'none');
    for (let length = 0; length < batch.length; length++) {
      expect(() => new RecordCursor(batch.subarray(0, length))).toThrow(SpillwayError);
    }
    expect(readBatchHeader(batch.subarray(0, BATCH_HEADER_BYTES - 1))).toBeUndefined();
  });
});
