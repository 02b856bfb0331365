import { expect, test } from 'vitest';
import { offset, type PartitionReader, type StoredBatch } from '../../queue/port.ts';
import { batchOf } from '../../queue/test-records.ts';
import { readRecords } from './records.ts';

/** Records 0 and 1, then 2 to 9 that nobody can read, then 10 and 11. */
function damaged(): PartitionReader {
  const at = (base: number): StoredBatch => {
    const bytes = batchOf([{ value: `${base}` }, { value: `${base + 1}` }]);
    bytes.writeBigInt64BE(BigInt(base), 0);
    const place = { baseOffset: offset(base), nextOffset: offset(base + 2) };
    return { ...place, recordCount: 2, maxTimestampMs: 0, bytes };
  };
  const corrupt = [{ file: 'orders/0', position: 0, fromOffset: offset(2), nextOffset: offset(10) }];
  const read = async (from: number) => ({
    batches: [at(0), at(10)].filter(({ nextOffset }) => nextOffset > from),
    nextOffset: offset(12),
    endOffset: offset(12),
    ...(from < 10 ? { corrupt } : {}),
  });
  return { topic: 'shop.orders', partition: 0, read } as unknown as PartitionReader;
}

test('what cannot be read is named beside the records, with the page that passes it', async () => {
  const ask = (from: number, limit: number) => readRecords(damaged(), { from, limit, tenant: undefined });
  const all = await ask(0, 100);
  expect(all.records.map((record) => record.offset)).toEqual([0, 1, 10, 11]);
  expect(all).toMatchObject({ next: 12, unreadable: [{ from: 2, to: 10 }] });
  const first = await ask(0, 2);
  expect(first.next).toBe(2);
  expect(first).not.toHaveProperty('unreadable');
  expect(await ask(first.next, 1)).toMatchObject({ next: 11, unreadable: [{ from: 2, to: 10 }] });
  expect(await ask(11, 1)).not.toHaveProperty('unreadable');
});
