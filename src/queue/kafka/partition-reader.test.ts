/** What a reader takes over the network of what it gives. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import { createLog } from '../../lib/log.ts';
import { Random } from '../../lib/random.ts';
import { offset } from '../port.ts';
import { batchOf, values } from '../test-records.ts';
import { Cluster } from './cluster.ts';
import { KafkaReader } from './partition-reader.ts';
import { metadata } from './protocol.ts';
import { FakeBroker } from './testing/fake-broker.ts';
import { FakeLog } from './testing/fake-log.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const at = { topic: 'raw', partition: 0 };

let broker: FakeBroker;
let cluster: Cluster;
let log: FakeLog;
let reader: KafkaReader;
let counted = 0;
beforeEach(async () => {
  broker = await FakeBroker.start();
  log = new FakeLog(broker, 'raw', '00000000-0000-0000-0000-000000000001');
  cluster = new Cluster({ brokers: [broker.address], clientId: 'test' });
  cluster.follow(['raw']);
  counted = 0;
  reader = new KafkaReader({
    ...{ at, as: at, cluster, log: createLog('test', 'fatal'), aheadBytes: () => QUEUE_LIMITS.readBytes },
    ...{ onCorrupt: () => {}, onLost: () => {}, onClose: () => {} },
    onFetched: (bytes) => {
      counted += bytes;
    },
  });
});
afterEach(async () => {
  await reader.close();
  await cluster.close();
  await broker.close();
});

const sized = (bytes: number): Buffer => values('x'.repeat(bytes));

/** To the end, in order; how many bytes were given. */
async function readToEnd(maxBytes: number): Promise<number> {
  let next = offset(0);
  let bytes = 0;
  while (next < log.endOffset) {
    const { batches, nextOffset } = await reader.read(next, { maxBytes });
    expect(batches[0]?.baseOffset).toBe(next);
    expect(nextOffset).toBeGreaterThan(next);
    for (const batch of batches) bytes += batch.bytes.length;
    next = nextOffset;
  }
  return bytes;
}

describe('a reader that reads on', () => {
  const seed = Date.now() % 2 ** 32;
  const random = new Random(seed);
  const batches: Record<string, () => number> = {
    'of 5 KiB': () => 5 * KiB,
    'of a quarter of a request': () => 256 * KiB,
    'of half a request, just too large': () => 512 * KiB,
    'that alternate between 512 and 45 KiB': () => (log.endOffset % 2 === 0 ? 512 : 45) * KiB,
    'of a whole request': () => MiB,
    [`of any size (seed ${seed})`]: () => Math.ceil(random.next() ** 2 * MiB),
  };
  for (const [name, size] of Object.entries(batches)) {
    it.each([1, 4])(`fetches little more than what there is of batches ${name}, %i MiB a read`, async (mebibytes) => {
      while (log.sizeBytes < 32 * MiB) log.append(sized(size()));
      expect(await readToEnd(mebibytes * MiB)).toBe(log.sizeBytes);
      expect(log.fetchedBytes).toBeLessThan(1.15 * log.sizeBytes);
      expect(log.fetches).toBeLessThan(4 + log.sizeBytes / (200 * KiB));
      expect(counted).toBe(log.fetchedBytes);
    });
  }

  it('does not fetch again what it gave before and was taken in part', async () => {
    for (let i = 0; i < 8; i++)
      log.append(batchOf(Array.from({ length: 100 }, () => ({ value: 'x'.repeat(4 * KiB) }))));
    for (let next = 0; next < log.endOffset; ) {
      const { batches, nextOffset } = await reader.read(offset(next), { maxBytes: 512 * KiB });
      expect(batches[0]?.baseOffset).toBe(next - (next % 100));
      next = Math.min(next + 30, nextOffset);
    }
    expect(log.fetchedBytes).toBeLessThan(1.2 * log.sizeBytes);
  });
});

it('a reader that looks at single places fetches the batch that is there, and nothing besides', async () => {
  for (let i = 0; i < 20; i++) log.append(sized(100 * KiB));
  for (const place of [19, 18, 3, 7]) {
    const { batches } = await reader.read(offset(place), { maxBytes: 1 });
    expect(batches.map(({ baseOffset }) => baseOffset)).toEqual([place]);
  }
  expect(log.fetchedBytes).toBe((4 * log.sizeBytes) / 20);
});

it('a reader that waits sees what came while the broker read, though the end it says is the one of before', async () => {
  log.append(sized(KiB));
  log.append(sized(KiB));
  log.cameMeanwhile = 1;
  const { nextOffset, endOffset } = await reader.read(offset(0), { maxBytes: 1 });
  expect([nextOffset, endOffset]).toEqual([1, 1]);
  await reader.waitFor(nextOffset, AbortSignal.timeout(5_000));
  expect(await reader.read(nextOffset)).toMatchObject({ batches: [{ baseOffset: 1 }], endOffset: 2 });
});

it('a reader that was cut off for a while asks for as much as before soon after', async () => {
  while (log.sizeBytes < 8 * MiB) log.append(sized(32 * KiB));
  log.cuts = 4;
  expect(await readToEnd(MiB)).toBe(log.sizeBytes);
  expect(log.fetches).toBeLessThan(30);
});

// Sooner than the request of the wait is given up.
it('a reader that waits where nobody answers reads what has come there all the same', { timeout: 8_000 }, async () => {
  log.append(sized(KiB));
  const { nextOffset } = await reader.read(offset(0));
  await reader.waitFor(nextOffset, AbortSignal.timeout(20));
  // As at a broker that has been cut off: the wait is not answered.
  log.append(sized(2 * KiB));
  const { batches } = await reader.read(nextOffset);
  expect(batches).toMatchObject([{ baseOffset: 1 }]);
});

it('a reader that waits says meanwhile what is there, and goes on waiting on the same connection', async () => {
  log.append(sized(KiB));
  const { nextOffset } = await reader.read(offset(0));
  for (let i = 0; i < 3; i++) {
    const waited = reader.waitFor(nextOffset, AbortSignal.timeout(20));
    expect(await reader.read(nextOffset)).toEqual({ batches: [], nextOffset, endOffset: nextOffset });
    await waited;
  }
  // Each connection asks first whose it is.
  expect(broker.timesAsked(metadata)).toBeLessThanOrEqual(3);
});
