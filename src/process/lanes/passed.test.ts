import { describe, expect, it } from 'vitest';
import { offset, type ReadResult } from '../../queue/port.ts';
import { LaneMemory, PassedBatches } from './passed.ts';

const SIZE = 100;

/** Batches of ten records each. */
function readOf(...bases: number[]): ReadResult {
  const batches = bases.map((base) => ({
    ...{ baseOffset: offset(base), nextOffset: offset(base + 10), recordCount: 10, maxTimestampMs: 0 },
    bytes: Buffer.alloc(SIZE, base),
  }));
  return { batches, nextOffset: offset((bases.at(-1) ?? 0) + 10), endOffset: offset(1_000) };
}

function passed(bytes = 10 * SIZE) {
  const memory = new LaneMemory(bytes);
  return { memory, kept: new PassedBatches(memory) };
}

const basesOf = (result: ReadResult | undefined) => result?.batches.map(({ baseOffset }) => baseOffset);

describe('what was left to lanes', () => {
  it('is given as a reader gives it: whole batches from the one with the offset, at least one, up to so many bytes', () => {
    const { kept } = passed();
    kept.keep(readOf(0, 10, 20));
    expect(kept.read(13, 2 * SIZE)).toMatchObject({ nextOffset: 30, endOffset: 1_000 });
    expect(basesOf(kept.read(13, 2 * SIZE))).toEqual([10, 20]);
    expect(basesOf(kept.read(0, 1))).toEqual([0]);
    expect(kept.read(30, SIZE)).toBeUndefined();
  });

  it('stays as it was when the reader uses its memory again', () => {
    const { kept } = passed();
    const result = readOf(7);
    kept.keep(result);
    result.batches[0]?.bytes.fill(0);
    expect(kept.read(7, SIZE)?.batches[0]?.bytes).toEqual(Buffer.alloc(SIZE, 7));
  });

  it('is not given past what there was no memory for', () => {
    const { kept } = passed(3 * SIZE);
    kept.keep(readOf(0, 10));
    kept.keep(readOf(20, 30));
    kept.forget(15);
    kept.keep(readOf(40));
    expect(basesOf(kept.read(0, 9 * SIZE))).toBeUndefined();
    expect(basesOf(kept.read(15, 9 * SIZE))).toEqual([10, 20]);
    expect(kept.read(35, 9 * SIZE)).toBeUndefined();
    expect(basesOf(kept.read(41, 9 * SIZE))).toEqual([40]);
  });

  it('takes the memory of all partitions together, and gives back what is forgotten', () => {
    const { memory, kept } = passed(3 * SIZE);
    const other = new PassedBatches(memory);
    kept.keep(readOf(0, 10));
    other.keep(readOf(0, 10));
    expect(memory.left).toBe(0);
    expect(basesOf(other.read(0, 9 * SIZE))).toEqual([0]);
    kept.forget(Number.POSITIVE_INFINITY);
    other.forget(Number.POSITIVE_INFINITY);
    expect(memory.left).toBe(3 * SIZE);
  });
});
