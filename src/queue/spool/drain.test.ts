/** What a log on this machine has sent when the queue refuses the rest of it; once.fuzz.ts has what crashes leave. */
import { expect, it } from 'vitest';
import { SpillwayError } from '../../lib/errors.ts';
import { createLog } from '../../lib/log.ts';
import { offset, type PartitionReader } from '../port.ts';
import { values } from '../test-records.ts';
import type { DirectWriter } from './direct-writer.ts';
import { type DrainParts, drain } from './drain.ts';

it('the next process sends nothing again that was taken before partitions were added without this one', async () => {
  const kept = ['a', 'b', 'c', 'd'].map((text, at) => {
    const range = { baseOffset: offset(at), nextOffset: offset(at + 1) };
    return { ...range, bytes: values(text), recordCount: 1, maxTimestampMs: 0 };
  });
  const read = { batches: kept, nextOffset: offset(kept.length), endOffset: offset(kept.length) };
  const reader: Partial<PartitionReader> = { read: async () => read, waitFor: async () => undefined };
  const fenced = new SpillwayError('QUEUE_FENCED', 'another owner has taken over');
  let taken = 0;
  const direct: Partial<DirectWriter> = {
    append: async () => {
      if (taken === 2) throw fenced;
      return { baseOffset: offset(taken), nextOffset: offset(++taken) };
    },
  };
  let committed = 0;
  const drained: number[] = [];
  const parts: DrainParts = {
    direct: direct as DirectWriter,
    reader: reader as PartitionReader,
    commit: async (position) => {
      committed = position;
    },
    note: async () => {},
    log: createLog('test', 'fatal'),
    onDrained: (_, { baseOffset }) => drained.push(baseOffset),
    from: offset(0),
    flights: [],
    left: undefined,
    mayBegin: async () => {},
    isEmptyAt: (position) => position === kept.length,
    onMoved: () => {},
    signal: new AbortController().signal,
  };
  await expect(drain(parts)).rejects.toBe(fenced);
  expect(drained).toEqual([0, 1]);
  expect(committed).toBe(2);
});
