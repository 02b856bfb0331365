/**
 * What every engine of the queue promises. An engine's own test file runs it:
 * `queueContract('segment log', openForTest)`.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RecordCursor } from '../event/record-batch.ts';
import { SpillwayError } from '../lib/errors.ts';
import { batchBefore } from './batch-before.ts';
import { offset, type PartitionReader, type PartitionWriter, type Queue } from './port.ts';
import { batchOf, readAll, TestMember, values } from './test-records.ts';

/** The topics `raw` (uncompressed) and `events` (zstd), two partitions each, are there and empty. */
export interface QueueUnderTest {
  readonly queue: Queue;
  /** Closes everything and opens it again on the same data, as after a restart. */
  reopen(): Promise<Queue>;
  cleanUp(): Promise<void>;
}

const codeOf = (error: unknown): string => (error instanceof SpillwayError ? error.code : String(error));
const raw = { topic: 'raw', partition: 0 };
/** Members of some engines hear of it by their next heartbeat only. */
const MOVES = { timeout: 20_000 };

export function queueContract(engine: string, open: () => Promise<QueueUnderTest>): void {
  describe(`${engine} keeps what the queue promises`, () => {
    let test: QueueUnderTest;
    let queue: Queue;
    beforeEach(async () => {
      test = await open();
      queue = test.queue;
    });
    afterEach(() => test.cleanUp());

    describe('writing', () => {
      it('gives consecutive offsets in the order of the calls', async () => {
        const writer = await queue.openWriter(raw);
        const answers = await Promise.all([
          writer.append(values('a', 'b')),
          writer.append(values('c')),
          writer.append(values('d', 'e', 'f')),
        ]);
        expect(answers).toEqual([
          { baseOffset: 0, nextOffset: 2 },
          { baseOffset: 2, nextOffset: 3 },
          { baseOffset: 3, nextOffset: 6 },
        ]);
        expect(writer.nextOffset).toBe(6);
      });

      it('answers in the order of the calls', async () => {
        const writer = await queue.openWriter(raw);
        const order: number[] = [];
        await Promise.all([0, 1, 2, 3, 4].map((i) => writer.append(values(`${i}`)).then(() => order.push(i))));
        expect(order).toEqual([0, 1, 2, 3, 4]);
      });

      it('refuses bytes that are not one batch, and goes on', async () => {
        const writer = await queue.openWriter(raw);
        await expect(writer.append(Buffer.from('not a batch'))).rejects.toMatchObject({ code: 'INTERNAL' });
        const two = Buffer.concat([values('a'), values('b')]);
        await expect(writer.append(two)).rejects.toMatchObject({ code: 'INTERNAL' });
        expect(await writer.append(values('c'))).toEqual({ baseOffset: 0, nextOffset: 1 });
      });

      it('says when too much is waiting, and when that is over', async () => {
        const writer = await queue.openWriter(raw);
        const waiting: Promise<unknown>[] = [];
        const line = 'x'.repeat(500_000);
        while (!writer.saturated) waiting.push(writer.append(values(line)));
        await writer.drained();
        expect(writer.saturated).toBe(false);
        await Promise.all(waiting);
      });

      it('refuses appends after it was closed', async () => {
        const writer = await queue.openWriter(raw);
        await writer.close();
        await expect(writer.append(values('late'))).rejects.toBeInstanceOf(SpillwayError);
      });

      it('writes what was appended before it was closed', async () => {
        const writer = await queue.openWriter(raw);
        const appended = writer.append(values('a'));
        await writer.close();
        expect(await appended).toEqual({ baseOffset: 0, nextOffset: 1 });
      });

      it('knows its topics and partitions', async () => {
        expect(queue.partitionCount('raw')).toBe(2);
        expect(() => queue.partitionCount('nowhere')).toThrow(SpillwayError);
        await expect(queue.openWriter({ topic: 'raw', partition: 2 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
        await expect(queue.openWriter({ topic: '../raw', partition: 0 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
      });
    });

    describe('one writer per partition', () => {
      let first: PartitionWriter;
      let second: PartitionWriter;
      beforeEach(async () => {
        first = await queue.openWriter(raw);
        await first.append(values('a'));
        second = await queue.openWriter(raw);
      });

      it('goes on where the earlier writer ended', async () => {
        // Engines may leave a gap between two writers.
        const from = second.nextOffset;
        expect(from).toBeGreaterThanOrEqual(1);
        expect(await second.append(values('b'))).toEqual({ baseOffset: from, nextOffset: from + 1 });
      });

      it('fences the earlier writer, and what it appends is not acknowledged and not read', async () => {
        const outcome = await first.append(values('zombie')).then(() => 'acknowledged', codeOf);
        expect(outcome).toBe('QUEUE_FENCED');
        const { baseOffset } = await second.append(values('b'));
        const reader = queue.openReader(raw);
        expect(await readAll(reader, 0)).toEqual([
          { offset: 0, value: 'a' },
          { offset: baseOffset, value: 'b' },
        ]);
      });

      it('leaves other partitions alone', async () => {
        const other = await queue.openWriter({ topic: 'raw', partition: 1 });
        expect(await other.append(values('other'))).toEqual({ baseOffset: 0, nextOffset: 1 });
        expect(await readAll(queue.openReader({ topic: 'raw', partition: 1 }), 0)).toHaveLength(1);
      });
    });

    describe('reading', () => {
      let writer: PartitionWriter;
      let reader: PartitionReader;
      beforeEach(async () => {
        writer = await queue.openWriter(raw);
        reader = queue.openReader(raw);
      });

      it('finds an empty partition empty', async () => {
        expect(await reader.earliestOffset()).toBe(0);
        expect(await reader.endOffset()).toBe(0);
        expect(await reader.read(offset(0))).toEqual({ batches: [], nextOffset: 0, endOffset: 0 });
      });

      it('gives values, keys, headers and timestamps back byte for byte', async () => {
        const headers = [['m', Buffer.from([0, 255, 10])]] as const;
        const events = await queue.openWriter({ topic: 'events', partition: 0 });
        const records = [
          { value: 'é\u0000\r\n', timestampMs: 1_700_000_000_123, key: 'k', headers },
          { value: '', timestampMs: 1_699_999_999_999 },
        ];
        await writer.append(batchOf(records));
        await events.append(batchOf(records, 'zstd'));
        for (const from of [reader, queue.openReader({ topic: 'events', partition: 0 })]) {
          const { batches } = await from.read(offset(0));
          const record = new RecordCursor(batches[0]?.bytes ?? Buffer.alloc(0));
          expect(batches[0]).toMatchObject({ recordCount: 2, maxTimestampMs: 1_700_000_000_123 });
          expect(record.next()).toBe(true);
          expect(record.value().toString()).toBe('é\u0000\r\n');
          expect(record.key()?.toString()).toBe('k');
          expect(record.headerValue('m')).toEqual(Buffer.from([0, 255, 10]));
          expect(record.timestampMs).toBe(1_700_000_000_123);
          expect(record.next()).toBe(true);
          expect(record.valueEnd - record.valueStart).toBe(0);
          expect(record.key()).toBeUndefined();
          expect(record.timestampMs).toBe(1_699_999_999_999);
          expect(record.next()).toBe(false);
        }
      });

      it('begins with the batch that holds the offset', async () => {
        await writer.append(values('a', 'b', 'c'));
        await writer.append(values('d', 'e'));
        const { batches } = await reader.read(offset(1));
        expect(batches[0]).toMatchObject({ baseOffset: 0, nextOffset: 3, recordCount: 3 });
        expect((await reader.read(offset(3))).batches[0]).toMatchObject({ baseOffset: 3, nextOffset: 5 });
        expect(await readAll(reader, 1)).toHaveLength(4);
      });

      it('stops at maxBytes but gives at least one batch', async () => {
        for (let i = 0; i < 4; i++) await writer.append(values('x'.repeat(1_000)));
        const one = await reader.read(offset(0), { maxBytes: 10 });
        expect(one.batches).toHaveLength(1);
        expect(one).toMatchObject({ nextOffset: 1, endOffset: 4 });
        const few = await reader.read(offset(1), { maxBytes: 2_500 });
        expect(few.batches.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(2_500);
        expect(few.nextOffset).toBe(1 + few.batches.length);
        expect(await readAll(reader, 0, 1)).toHaveLength(4);
      });

      it('answers with nothing at the end and past it', async () => {
        await writer.append(values('a'));
        expect(await reader.read(offset(1))).toMatchObject({ batches: [], nextOffset: 1, endOffset: 1 });
        expect(await reader.read(offset(7))).toMatchObject({ batches: [], nextOffset: 7, endOffset: 1 });
      });

      it('serves several readers at their own places', async () => {
        for (let i = 0; i < 5; i++) await writer.append(values(`${i}`));
        const other = queue.openReader(raw);
        const texts = async (from: PartitionReader, at: number) => (await readAll(from, at)).map(({ value }) => value);
        expect(await texts(reader, 3)).toEqual(['3', '4']);
        expect(await texts(other, 0)).toEqual(['0', '1', '2', '3', '4']);
        expect(await texts(reader, 1)).toEqual(['1', '2', '3', '4']);
      });

      it('goes back as well as forward', async () => {
        for (let i = 0; i < 50; i++) await writer.append(values(`${i}`));
        for (const from of [49, 0, 25, 24, 26, 3, 48]) {
          expect((await reader.read(offset(from), { maxBytes: 1 })).batches[0]?.baseOffset).toBe(from);
        }
      });

      it('waits for records that are to come', async () => {
        await writer.append(values('a'));
        const signal = new AbortController().signal;
        await reader.waitFor(offset(0), signal);
        const waited = reader.waitFor(offset(1), signal);
        await writer.append(values('b'));
        await waited;
        expect((await reader.read(offset(1))).batches).toHaveLength(1);
      });

      it('may be closed while it reads, and reads no more then', async () => {
        await writer.append(values('a'));
        const reading = reader.read(offset(0));
        await reader.close();
        expect((await reading).batches).toHaveLength(1);
        await expect(reader.read(offset(0))).rejects.toBeInstanceOf(SpillwayError);
      });

      it('ends a wait without an error when it is told to', async () => {
        const stop = new AbortController();
        const waited = reader.waitFor(offset(0), stop.signal);
        stop.abort();
        await waited;
        await reader.waitFor(offset(0), stop.signal);
      });

      it('finds offsets by time', async () => {
        const at = async (...timestampsMs: number[]) =>
          writer.append(batchOf(timestampsMs.map((timestampMs) => ({ value: 'x', timestampMs }))));
        await at(100, 200);
        await at(150);
        await at(400, 300);
        expect(await reader.offsetAtTime(0)).toBe(0);
        expect(await reader.offsetAtTime(200)).toBe(0);
        expect(await reader.offsetAtTime(201)).toBe(3);
        expect(await reader.offsetAtTime(400)).toBe(3);
        expect(await reader.offsetAtTime(401)).toBe(5);
      });
    });

    describe('looking back', () => {
      const takeOver = async (times: number) => {
        for (let i = 0; i < times; i++) await (await queue.openWriter(raw)).close();
      };

      it('finds the last batch before an offset, over whatever takeovers have left there', async () => {
        const writer = await queue.openWriter(raw);
        const reader = queue.openReader(raw);
        await writer.append(values('a'));
        await writer.append(values('b', 'c'));
        const beginsBefore = async (at: number) => (await batchBefore(reader, at))?.baseOffset;
        expect([await beginsBefore(0), await beginsBefore(1), await beginsBefore(2), await beginsBefore(3)]).toEqual([
          undefined,
          0,
          1,
          1,
        ]);
        for (const times of [1, 6]) {
          await takeOver(times);
          expect(await beginsBefore(await reader.endOffset())).toBe(1);
        }
        const { baseOffset, nextOffset } = await (await queue.openWriter(raw)).append(values('d'));
        expect([await beginsBefore(baseOffset), await beginsBefore(nextOffset)]).toEqual([1, baseOffset]);
        expect((await batchBefore(reader, baseOffset))?.bytes.readBigInt64BE(0)).toBe(1n);
      });

      it('finds nothing where there was never a record', async () => {
        await takeOver(5);
        const reader = queue.openReader(raw);
        expect(await batchBefore(reader, await reader.endOffset())).toBeUndefined();
      });
    });

    describe('after a restart', () => {
      it('has every acknowledged record at its offset, and goes on after them', async () => {
        const writer = await queue.openWriter(raw);
        for (let i = 0; i < 10; i++) await writer.append(values(`${i}`, `${i}+`));
        queue = await test.reopen();
        const again = await queue.openWriter(raw);
        const end = again.nextOffset;
        expect(end).toBeGreaterThanOrEqual(20);
        await again.append(values('after'));
        const records = await readAll(queue.openReader(raw), 0);
        expect(records.map(({ offset: at }) => at)).toEqual([...Array.from({ length: 20 }, (_, i) => i), end]);
        expect(records[20]?.value).toBe('after');
      });

      it('has committed offsets, and fences the members of before', async () => {
        const member = await TestMember.join(queue, 'store');
        expect(await member.committed(raw)).toBeUndefined();
        await member.commit(raw, 7);
        const before = member.held(raw);
        queue = await test.reopen();
        const again = await TestMember.join(queue, 'store');
        expect(again.member.id).not.toBe(member.member.id);
        expect(again.held(raw).generation).toBeGreaterThan(before.generation);
        expect(await again.held(raw).committed()).toBe(7);
        expect(await again.committed({ topic: 'raw', partition: 1 })).toBeUndefined();
      });
    });

    describe('consumer groups', () => {
      const other = { topic: 'raw', partition: 1 };

      it('give a lone member every partition of its topics', async () => {
        expect((await TestMember.join(queue, 'store')).keys).toEqual(['raw/0', 'raw/1']);
        const both = await TestMember.join(queue, 'archive', ['raw', 'events']);
        expect(both.keys).toEqual(['events/0', 'events/1', 'raw/0', 'raw/1']);
        await expect(TestMember.join(queue, 'store', ['nowhere'])).rejects.toMatchObject({ code: 'NOT_FOUND' });
      });

      it('keep the offsets of groups and partitions apart', async () => {
        const [store, archive] = [await TestMember.join(queue, 'store'), await TestMember.join(queue, 'archive')];
        await Promise.all([store.commit(raw, 3), store.commit(other, 4), archive.commit(raw, 5)]);
        expect(await store.committed(raw)).toBe(3);
        expect(await archive.committed(raw)).toBe(5);
        expect(await store.held(other).committed()).toBe(4);
        expect(await archive.held(other).committed()).toBeUndefined();
      });

      it('move a partition to a member that joins, when it was released and not before', async () => {
        const first = await TestMember.join(queue, 'store');
        await first.commit(other, 1);
        const second = await TestMember.join(queue, 'store');
        expect(second.keys).toEqual([]);
        await vi.waitFor(() => expect(first.held(other).revoked.aborted).toBe(true), MOVES);
        expect(first.keys).toEqual(['raw/0']);
        expect(first.held(other).isLost).toBe(false);
        // It may still finish what it has begun.
        await first.commit(other, 2);
        const released = first.held(other);
        await first.releaseRevoked();
        await vi.waitFor(() => expect(second.keys).toEqual(['raw/1']), MOVES);
        expect(second.held(other).generation).toBeGreaterThan(released.generation);
        expect(await second.held(other).committed()).toBe(2);
      });

      it('fence whoever had a partition before, and nobody else', async () => {
        const first = await TestMember.join(queue, 'store');
        const second = await TestMember.join(queue, 'store');
        await vi.waitFor(() => expect(first.held(other).revoked.aborted).toBe(true), MOVES);
        const zombie = first.held(other);
        await first.releaseRevoked();
        await vi.waitFor(() => expect(second.keys).toEqual(['raw/1']), MOVES);
        await expect(zombie.commit(offset(9))).rejects.toMatchObject({ code: 'QUEUE_FENCED' });
        await second.commit(other, 3);
        expect(await second.committed(other)).toBe(3);
        await first.commit(raw, 4);
        expect(await first.committed(raw)).toBe(4);
      });

      it('give a member that leaves nothing to say, and its partitions to the others', async () => {
        const first = await TestMember.join(queue, 'store');
        const second = await TestMember.join(queue, 'store');
        await first.leave();
        await vi.waitFor(() => expect(second.keys).toEqual(['raw/0', 'raw/1']), MOVES);
        expect(first.held(raw).isLost).toBe(true);
        await expect(first.commit(raw, 1)).rejects.toMatchObject({ code: 'QUEUE_FENCED' });
        await second.commit(raw, 2);
        expect(await second.committed(raw)).toBe(2);
      });

      it('go back where their member wants to', async () => {
        const member = await TestMember.join(queue, 'store');
        await member.commit(raw, 9);
        await member.commit(raw, 2);
        expect(await member.committed(raw)).toBe(2);
      });
    });
  });
}
