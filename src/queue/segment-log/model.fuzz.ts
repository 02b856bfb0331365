import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SpillwayError } from '../../lib/errors.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { offset, type PartitionReader, type PartitionWriter } from '../port.ts';
import { batchOf, readAll, TestMember } from '../test-records.ts';
import { openTestLog, type TestLog } from './test-log.ts';

const AT = { topic: 'raw', partition: 0 };

type Step =
  | { readonly do: 'append'; readonly sizes: readonly number[]; readonly together: number }
  | { readonly do: 'read'; readonly at: number; readonly maxBytes: number; readonly reader: number }
  | { readonly do: 'time'; readonly at: number }
  | { readonly do: 'commit'; readonly at: number }
  | { readonly do: 'retain' | 'reopen' | 'takeover' | 'heartbeat' };

const share = fc.double({ min: 0, max: 1, noNaN: true });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      sizes: fc.array(fc.nat(120), { minLength: 1, maxLength: 5 }),
      together: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      at: share,
      maxBytes: fc.constantFrom(1, 300, 2_000, 1_000_000),
      reader: fc.nat(1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('time' as const), at: share }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('commit' as const), at: share }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('retain', 'reopen', 'takeover', 'heartbeat') }) },
);

/** The log, and beside it the simplest thing that could be one: an array. */
class Compared {
  readonly #log: TestLog;
  readonly #records: { readonly value: string; readonly timestampMs: number }[] = [];
  #writer: PartitionWriter;
  #readers: PartitionReader[] = [];
  #earliest = 0;
  #committed = 0;
  #nowMs = 0;

  private constructor(log: TestLog, writer: PartitionWriter) {
    this.#log = log;
    this.#writer = writer;
    this.#openReaders();
  }

  static async open(): Promise<Compared> {
    const retention = { maxBytes: 900 };
    const topics = { raw: { partitions: 1, compression: 'none', retention, requiredGroups: ['store'] } } as const;
    const log = await openTestLog({ disk: new MemoryDisk(), segmentBytes: 350, topics });
    return new Compared(log, await log.queue.openWriter(AT));
  }

  async run(todo: Step): Promise<void> {
    switch (todo.do) {
      case 'append':
        return this.#append(todo.sizes, todo.together);
      case 'read':
        return this.#read(this.#at(todo.at), todo.maxBytes, todo.reader);
      case 'time':
        return this.#byTime(Math.floor(todo.at * (this.#nowMs + 2)));
      case 'commit': {
        this.#committed = Math.max(this.#committed, this.#at(todo.at));
        // Each one leaves the partition to the next.
        const member = await TestMember.join(this.#log.queue, 'store');
        await member.commit(AT, this.#committed);
        return member.leave();
      }
      case 'retain':
        return this.#retain();
      case 'heartbeat':
        return this.#log.queue.heartbeat();
      case 'reopen':
        await this.#log.reopen();
        this.#openReaders();
        this.#writer = await this.#log.queue.openWriter(AT);
        return;
      case 'takeover':
        this.#writer = await this.#log.queue.openWriter(AT);
    }
  }

  /** Everything that is retained is there, and nothing was called corrupt on the way. */
  async finish(): Promise<void> {
    const reader = this.#log.queue.openReader(AT);
    expect(await reader.endOffset()).toBe(this.#records.length);
    const found = await readAll(reader, this.#earliest);
    expect(found.map(({ value }) => value)).toEqual(this.#records.slice(this.#earliest).map(({ value }) => value));
    expect(this.#log.corrupt).toEqual([]);
    expect(this.#log.logged.filter(({ level }) => level >= 50)).toEqual([]);
    await this.#log.close();
  }

  async #append(sizes: readonly number[], together: number): Promise<void> {
    const appends = Array.from({ length: together }, () => {
      this.#nowMs++;
      const base = this.#records.length;
      const batch = sizes.map((size, i) => ({ value: `${base + i}${'.'.repeat(size)}`, timestampMs: this.#nowMs }));
      this.#records.push(...batch);
      return { base, next: this.#records.length, done: this.#writer.append(batchOf(batch)) };
    });
    for (const { base, next, done } of appends) expect(await done).toEqual({ baseOffset: base, nextOffset: next });
  }

  async #read(at: number, maxBytes: number, which: number): Promise<void> {
    const reader = this.#readers[which] as PartitionReader;
    if (at < this.#earliest) {
      const error = await reader.read(offset(at)).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(SpillwayError);
      expect(error).toMatchObject({ details: { earliest: this.#earliest, lost: this.#earliest - at } });
      return;
    }
    const { batches, nextOffset, endOffset } = await reader.read(offset(at), { maxBytes });
    expect(endOffset).toBe(this.#records.length);
    expect(batches.length > 0).toBe(at < this.#records.length);
    const [first] = batches;
    if (first !== undefined) expect(first.baseOffset <= at && at < first.nextOffset).toBe(true);
    expect(nextOffset).toBe(batches.at(-1)?.nextOffset ?? at);
  }

  async #byTime(timeMs: number): Promise<void> {
    const found = await (this.#readers[0] as PartitionReader).offsetAtTime(timeMs);
    const first = this.#records.findIndex((record, i) => i >= this.#earliest && record.timestampMs >= timeMs);
    expect(found).toBe(first < 0 ? this.#records.length : first);
  }

  async #retain(): Promise<void> {
    await this.#log.queue.retain();
    const earliest = this.#log.marks.get(AT)?.earliestOffset ?? 0;
    expect(earliest).toBeGreaterThanOrEqual(this.#earliest);
    expect(earliest).toBeLessThanOrEqual(Math.max(this.#committed, this.#earliest));
    this.#earliest = earliest;
  }

  #at(part: number): number {
    return Math.floor(part * (this.#records.length + 1));
  }

  #openReaders(): void {
    this.#readers = [this.#log.queue.openReader(AT), this.#log.elsewhere(this.#log.marks).openReader(AT)];
  }
}

describe('the segment log', () => {
  it('does what an array does, through rolls, retention, restarts and takeovers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const compared = await Compared.open();
        for (const todo of steps) await compared.run(todo);
        await compared.finish();
      }),
      { numRuns: 300 },
    );
  }, 120_000);
});
