/** What becomes of a log on this machine where the queue refuses it, or does not answer; once.fuzz.ts has what crashes leave. */
import { expect, it } from 'vitest';
import { SpillwayError } from '../../lib/errors.ts';
import { createLog } from '../../lib/log.ts';
import { offset, type PartitionReader } from '../port.ts';
import { values } from '../test-records.ts';
import type { DirectWriter } from './direct-writer.ts';
import { type DrainParts, drain } from './drain.ts';

const kept = ['a', 'b', 'c', 'd'].map((text, at) => {
  const range = { baseOffset: offset(at), nextOffset: offset(at + 1) };
  return { ...range, bytes: values(text), recordCount: 1, maxTimestampMs: 0 };
});
const end = offset(kept.length);

/** Drains these four batches by this writer; `state` has what came of it. */
function draining(direct: Partial<DirectWriter>, others: Partial<DrainParts> = {}) {
  const reader: Partial<PartitionReader> = {
    read: async (from) => ({ batches: kept.slice(from), nextOffset: end, endOffset: end }),
    waitFor: async () => undefined,
    earliestOffset: async () => offset(0),
  };
  const state = { committed: 0, drained: [] as number[] };
  const parts: DrainParts = {
    direct: direct as DirectWriter,
    reader: reader as PartitionReader,
    commit: async (position) => {
      state.committed = position;
    },
    note: async () => {},
    log: createLog('test', 'fatal'),
    onDrained: (_, { baseOffset }) => state.drained.push(baseOffset),
    from: offset(0),
    flights: [],
    left: undefined,
    mayBegin: async () => {},
    isEmptyAt: (position) => position === end,
    onMoved: () => {},
    signal: new AbortController().signal,
    ...others,
  };
  return { state, drained: drain(parts) };
}

it('the next process sends nothing again that was taken before partitions were added without this one', async () => {
  const fenced = new SpillwayError('QUEUE_FENCED', 'another owner has taken over');
  let taken = 0;
  const append = async () => {
    if (taken === 2) throw fenced;
    return { baseOffset: offset(taken), nextOffset: offset(++taken) };
  };
  const { state, drained } = draining({ append });
  await expect(drained).rejects.toBe(fenced);
  expect(state).toEqual({ committed: 2, drained: [0, 1] });
});

it('what comes after the records of an earlier process waits until the queue knows the producer of these', async () => {
  const away = new SpillwayError('QUEUE_UNREACHABLE', 'Kafka did not answer');
  const left = { producerId: '1', epoch: 0, sequence: 0, position: 0, end: 3 };
  const done: string[] = [];
  const { state, drained } = draining(
    {
      mark: left,
      // It has the first one.
      goOnFrom: async () => 1,
      append: async () => {
        done.push('append');
        return { baseOffset: offset(done.length), nextOffset: offset(done.length + 1) };
      },
      beginAnew: async () => {
        done.push('ask');
        if (done.filter((one) => one === 'ask').length === 1) throw away;
      },
    },
    { left },
  );
  expect(await drained).toBe(true);
  expect(done).toEqual(['append', 'append', 'ask', 'ask', 'append']);
  expect(state.committed).toBe(end);
});
