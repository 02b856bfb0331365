import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SpillwayError } from '../lib/errors.ts';
import { QUEUE_LIMITS } from '../lib/limits.ts';
import { encodeHeaders, RecordBatchBuilder, RecordCursor, readBatchHeader, sealBatch } from './record-batch.ts';

/** Reads everything that a reader may look at; only a SpillwayError may come out of it. */
function readWhole(batch: Buffer): number {
  let records = 0;
  try {
    const record = new RecordCursor(batch);
    expect(record.bytes.length).toBeLessThanOrEqual(Math.max(QUEUE_LIMITS.decompressedBatchBytes, batch.length));
    while (record.next()) {
      records++;
      expect(record.valueStart).toBeGreaterThanOrEqual(0);
      expect(record.valueEnd).toBeLessThan(record.headersEnd);
      expect(record.headersEnd).toBeLessThanOrEqual(record.bytes.length);
      record.value();
      record.key();
      record.headerValue('m');
      record.headerValue('absent');
    }
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error;
    expect(error.code).toBe('QUEUE_CORRUPT');
  }
  return records;
}

function sample(compression: 'none' | 'zstd'): Buffer {
  const builder = new RecordBatchBuilder({ compression });
  const headers = encodeHeaders([
    ['m', Buffer.from('meta')],
    ['n', Buffer.alloc(0)],
  ]);
  for (let i = 0; i < 5; i++) {
    const value = Buffer.from(`value ${i}`.repeat(i * 5));
    builder.append(value, 0, value.length, 1_000 + i, headers, i % 2 === 0 ? Buffer.from('key') : undefined);
  }
  const batch = builder.finish();
  sealBatch(batch, 0, 1, 0);
  return batch;
}

const change = fc.record({ at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), byte: fc.nat(255) });

describe('a damaged record batch', () => {
  it.each(['none', 'zstd'] as const)('of compression %s ends in an error or in records, and soon', (compression) => {
    const batch = sample(compression);
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), fc.boolean(), (changes, keepHeader) => {
        const damaged = Buffer.from(batch);
        for (const { at, byte } of changes) {
          const from = keepHeader ? 61 : 0;
          damaged[from + Math.floor(at * (damaged.length - from))] = byte;
        }
        const started = performance.now();
        readWhole(damaged);
        expect(performance.now() - started).toBeLessThan(1_000);
      }),
      { numRuns: 3_000 },
    );
  });

  it('of random bytes is never taken for one that is longer than it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (noise) => {
        const bytes = Buffer.from(noise);
        if (bytes.length > 16) bytes[16] = 2;
        const header = readBatchHeader(bytes);
        if (header !== undefined) expect(header.sizeBytes).toBeLessThanOrEqual(QUEUE_LIMITS.batchBytes);
        readWhole(bytes);
      }),
      { numRuns: 3_000 },
    );
  });

  it('whose records claim many headers, or negative lengths, ends at once', () => {
    const varints = fc.array(fc.constantFrom(0x00, 0x01, 0x02, 0x7f, 0x80, 0xfe, 0xff), {
      minLength: 20,
      maxLength: 60,
    });
    const batch = sample('none');
    fc.assert(
      fc.property(varints, (tail) => {
        const damaged = Buffer.concat([batch.subarray(0, 61), Buffer.from([2 * (tail.length - 1)]), Buffer.from(tail)]);
        damaged.writeInt32BE(damaged.length - 12, 8);
        const started = performance.now();
        readWhole(damaged);
        expect(performance.now() - started).toBeLessThan(1_000);
      }),
      { numRuns: 3_000 },
    );
  });
});
