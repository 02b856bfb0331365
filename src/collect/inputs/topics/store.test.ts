import { expect, it } from 'vitest';
import { RecordCursor } from '../../../event/record-batch.ts';
import { SpillwayError } from '../../../lib/errors.ts';
import { COLLECT_LIMITS } from '../../../lib/limits.ts';
import { type Appended, offset } from '../../../queue/port.ts';
import type { TopicWriters } from '../../topics/topic-writers.ts';
import { ProduceKeys } from './produce-keys.ts';
import type { ProducedRecord } from './records.ts';
import { type Placed, type Storing, storeRecords } from './store.ts';

const clock = { now: () => 1_000 };
const keyed = { key: 'k'.repeat(22), body: 'b'.repeat(22) };

/** Two partitions; what `refuse` says true of is refused. */
function partitions(refuse: (partition: number, batch: number) => boolean) {
  const stored: string[][] = [[], []];
  const batches = new Map<number, number>();
  const append = async (partition: number, bytes: Buffer): Promise<Appended> => {
    const batch = (batches.get(partition) ?? 0) + 1;
    batches.set(partition, batch);
    if (refuse(partition, batch)) {
      throw new SpillwayError('DISK_FULL', 'The disk is full.', { retryAfterS: 5 });
    }
    const there = stored[partition] ?? [];
    const baseOffset = offset(there.length);
    const record = new RecordCursor(bytes);
    while (record.next()) there.push(record.value().toString().slice(0, 8));
    return { baseOffset, nextOffset: offset(there.length) };
  };
  const open = async ({ partition }: { partition: number }) => ({
    writer: { saturated: false, append: (bytes: Buffer) => append(partition, bytes) },
  });
  return { stored, writers: { open } as unknown as TopicWriters };
}

/** Record i goes to partition i % 2; each is as large as half a batch. */
function placedOf(count: number): Placed {
  const byPartition = new Map<number, ProducedRecord[]>([
    [0, []],
    [1, []],
  ]);
  const places = Array.from({ length: count }, (_, i) => {
    const value = Buffer.from(`${i}`.padEnd(400_000));
    const index = (byPartition.get(i % 2)?.push({ key: undefined, value, headers: [], partition: undefined }) ?? 0) - 1;
    return { partition: i % 2, index };
  });
  return { byPartition, places, partitions: 2 };
}

const storing = (writers: TopicWriters, placed: Placed, once: Storing['once']): Storing => ({
  context: { clock, limits: COLLECT_LIMITS } as Storing['context'],
  writers,
  topic: 'shop.t',
  placed,
  once,
  onAppended: () => {},
});

const names = (stored: readonly string[]) => stored.map((value) => value.trim());

it('a retry with the key appends only what is not durable, and answers where all of it is', async () => {
  let isFull = true;
  const { stored, writers } = partitions((partition, batch) => isFull && partition === 1 && batch === 2);
  const keys = new ProduceKeys(clock, COLLECT_LIMITS);
  const placed = placedOf(10);
  const first = await keys.claim(keyed);
  await expect(storeRecords(storing(writers, placed, { keyed, state: first.state }))).rejects.toMatchObject({
    code: 'DISK_FULL',
    retryAfterS: 5,
    details: { durable: 7 },
  });
  first.end();
  isFull = false;
  const second = await keys.claim(keyed);
  const answer = await storeRecords(storing(writers, placed, { keyed, state: second.state }));
  second.end();
  expect(names(stored[0] ?? [])).toEqual(['0', '2', '4', '6', '8']);
  expect(names(stored[1] ?? [])).toEqual(['1', '3', '5', '7', '9']);
  expect(answer).toEqual(Array.from({ length: 10 }, (_, i) => ({ partition: i % 2, offset: Math.floor(i / 2) })));
  const third = await keys.claim(keyed);
  expect(await storeRecords(storing(writers, placed, { keyed, state: third.state }))).toEqual(answer);
  expect(stored[0]).toHaveLength(5);
});

it('a refusal says how much of the request is durable all the same', async () => {
  const { stored, writers } = partitions((partition) => partition === 0);
  await expect(storeRecords(storing(writers, placedOf(10), undefined))).rejects.toMatchObject({
    details: { durable: 5 },
  });
  expect(names(stored[1] ?? [])).toEqual(['1', '3', '5', '7', '9']);
});

it('the same key with another body is refused, and a request with it waits for the one before', async () => {
  const keys = new ProduceKeys(clock, COLLECT_LIMITS);
  const first = await keys.claim(keyed);
  let isClaimed = false;
  const second = keys.claim(keyed).then((claim) => {
    isClaimed = true;
    return claim;
  });
  await expect(keys.claim({ ...keyed, body: 'c'.repeat(22) })).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' });
  expect(isClaimed).toBe(false);
  first.end();
  (await second).end();
  expect(keys.size).toBe(0);
});

it('keys are forgotten after their time, and beyond their number the oldest first', async () => {
  let nowMs = 0;
  const keys = new ProduceKeys({ now: () => nowMs }, { ...COLLECT_LIMITS, idempotencyKeys: 3 });
  const use = async (name: string) => {
    const claim = await keys.claim({ key: name, body: 'b' });
    claim.state.parts.push({ partition: 0, index: 0, baseOffset: 0, count: 1 });
    claim.end();
  };
  for (const name of ['a', 'b', 'c', 'd', 'e']) await use(name);
  expect(keys.written().map(({ key }) => key)).toEqual(['b', 'c', 'd', 'e']);
  nowMs = COLLECT_LIMITS.idempotencyTtlMs + 1;
  await use('f');
  expect(keys.written().map(({ key }) => key)).toEqual(['f']);
});
