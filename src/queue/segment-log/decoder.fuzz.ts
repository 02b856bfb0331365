import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordCursor } from '../../event/record-batch.ts';
import { writeBatchHeader } from '../../event/record-batch-header.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { keepEverything } from '../../lib/memory-disk-crash.ts';
import { offset } from '../port.ts';
import { batchOf, readAll } from '../test-records.ts';
import { emptyState, parseState, printState } from './coordinator-state.ts';
import { openTestLog } from './test-log.ts';

const AT = { topic: 'raw', partition: 0 };
const FOLDER = '/queue/raw/0';
/** Far more than a folder of a few kilobytes needs: an endless loop ends here. */
const OPERATIONS_AT_MOST = 5_000;

/** Full segments, the last one, an owner; and where it was closed, a durable point. */
async function aFolder(end: 'killed' | 'closed'): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const log = await openTestLog({ disk, segmentBytes: 600 });
  const writer = await log.queue.openWriter(AT);
  for (let i = 0; i < 8; i++) {
    const records = Array.from({ length: 3 }, (_, j) => ({ value: `${i}.${j}${'.'.repeat(j * 20)}`, timestampMs: i }));
    await writer.append(batchOf(records, i % 3 === 0 ? 'zstd' : 'none'));
  }
  if (end === 'closed') await log.close();
  return disk.afterCrash(keepEverything);
}

interface Change {
  readonly at: number;
  readonly what: 'byte' | 'cut' | 'insert' | 'repeat' | 'noise';
  readonly byte: number;
}

const changes: fc.Arbitrary<readonly Change[]> = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    what: fc.constantFrom('byte', 'byte', 'byte', 'cut', 'insert', 'repeat', 'noise'),
    byte: fc.nat(255),
  }),
  { minLength: 1, maxLength: 6 },
);

function mutated(content: Buffer, todo: readonly Change[]): Buffer {
  return todo.reduce(changed, content);
}

function changed(bytes: Buffer, { at: share, what, byte }: Change): Buffer {
  const at = Math.floor(share * bytes.length);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  const pieces: Record<Change['what'], () => readonly Buffer[]> = {
    byte: () => [before, Buffer.from([byte]), after.subarray(1)],
    cut: () => [before],
    insert: () => [before, Buffer.alloc(byte, byte), after],
    repeat: () => [bytes, after],
    noise: () => [before, Buffer.from(Array.from({ length: 80 }, (_, i) => i * byte))],
  };
  return Buffer.concat(pieces[what]());
}

/** Only errors of the registry may come out. */
async function registered<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof SpillwayError) return undefined;
    throw error;
  }
}

describe('a damaged folder of the queue', () => {
  it.each(['killed', 'closed'] as const)(
    'that was %s is opened, read and searched, or refused, after a bounded number of operations',
    async (end) => {
      const original = await aFolder(end);
      const files = original.files().filter((path) => path.startsWith(FOLDER));
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...files), changes, async (path, todo) => {
          const disk = original.afterCrash(keepEverything);
          disk.corrupt(path, (content) => mutated(content, todo));
          disk.options = { fault: () => (disk.operations > OPERATIONS_AT_MOST ? { crash: 'before' } : undefined) };
          const log = await openTestLog({ disk });
          await registered(() => log.queue.openWriter(AT));
          const reader = log.queue.openReader(AT);
          await registered(() => readAll(reader, 0));
          await registered(() => reader.read(offset(5), { maxBytes: 1 }));
          await registered(() => reader.offsetAtTime(4));
          await log.close();
          expect(disk.operations).toBeLessThan(OPERATIONS_AT_MOST);
        }),
        { numRuns: 1_000 },
      );
    },
    120_000,
  );
});

describe('a damaged file of the coordinator', () => {
  it('is refused with its path, or read', () => {
    const state = emptyState();
    state.epochs['raw/0'] = 7;
    state.groups.store = { generation: 2, committed: { 'raw/0': 99 } };
    const printed = printState(state);
    fc.assert(
      fc.property(changes, fc.boolean(), (todo, isNoise) => {
        const bytes = isNoise ? Buffer.from(todo.map(({ byte }) => byte)) : mutated(printed, todo);
        try {
          expect(parseState(bytes, '/state')).toEqual(state);
        } catch (error) {
          expect(error).toMatchObject({ code: 'QUEUE_CORRUPT', details: { path: '/state' } });
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('a batch that is far larger when it is decompressed', () => {
  it('is refused without taking the memory', () => {
    const bomb = zstdCompressSync(Buffer.alloc(40 * QUEUE_LIMITS.decompressedBatchBytes));
    const batch = Buffer.concat([Buffer.alloc(61), bomb]);
    expect(batch.length).toBeLessThan(QUEUE_LIMITS.batchBytes);
    writeBatchHeader(batch, { compression: 'zstd', recordCount: 1, baseTimestampMs: 0, maxTimestampMs: 0 });
    const before = process.memoryUsage().rss;
    expect(() => new RecordCursor(batch)).toThrow(expect.objectContaining({ code: 'QUEUE_CORRUPT' }));
    expect(process.memoryUsage().rss - before).toBeLessThan(4 * QUEUE_LIMITS.decompressedBatchBytes);
  });
});
