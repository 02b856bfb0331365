/** What one process notes of itself and of the one before it; several of them are in test/simulator/moves.test.ts. */
import { expect, it } from 'vitest';
import { MOVE_LIMITS } from '../../lib/limits.ts';
import { createLog } from '../../lib/log.ts';
import { CONTROL, type ControlState } from './control-log.ts';
import { Moves } from './moves.ts';

const log = createLog('test', 'fatal');

it('brokers go on taking what a process appends as the one before it, however many were killed', async () => {
  let state: ControlState = CONTROL.empty();
  state.topics.raw = { partitions: 1, additions: [] };
  const record = {
    get state() {
      return state;
    },
    refresh: async () => {},
    change: async (change: (state: ControlState) => boolean) => {
      const next = CONTROL.parse(structuredClone(state));
      if (change(next)) state = next;
    },
  };
  const fenced: string[] = [];
  // One of two has been there for longest when it is killed, and is one too many of those who were.
  const places = ['a', 'b'];
  const processes = Array.from({ length: 3 * MOVE_LIMITS.outMost }, (_, i) => {
    return { place: i === 0 || i === MOVE_LIMITS.outMost + 2 ? 'a' : 'b', i };
  });
  for (const { place, i } of processes) {
    const before = processes.findLast((one) => one.place === place && one.i < i)?.i;
    const moves = new Moves({
      topic: 'raw',
      id: `process ${i}`,
      ...(before === undefined ? {} : { before: `process ${before}` }),
      record,
      fence: async (_, { id }) => void fenced.push(id),
      endOf: async () => 0,
      log,
    });
    moves.mapsTo(1);
    await moves.admit(0, { id: `${i}`, epoch: 0 });
    expect(fenced).not.toContain(`${before}`);
  }
  expect(new Set(fenced).size).toBe(fenced.length);
  expect(fenced.length).toBeGreaterThan(0);
  expect(Object.keys(state.appenders ?? {}).length).toBeLessThanOrEqual(MOVE_LIMITS.outMost + places.length);
});
