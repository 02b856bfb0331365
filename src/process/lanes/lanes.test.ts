import { describe, expect, it } from 'vitest';
import { type Lane, Lanes, pass } from './lanes.ts';

const laneOf = (lanes: Lanes, tenant: string): Lane => {
  const lane = lanes.of(tenant);
  if (lane === undefined) throw new Error(`${tenant} has no lane`);
  return lane;
};

describe('the positions of a partition', () => {
  it('are one where nobody is held back, in a marker that every version reads', () => {
    const lanes = new Lanes({ rawOffset: 5, receivedTo: 50 });
    pass(lanes.main, 7, 70);
    pass(lanes.main, 8, 60);
    expect(lanes.positions).toEqual({ version: 1, rawOffset: 9, receivedTo: 70 });
  });

  it('say with lanes how far everything is done, and what is done beyond that', () => {
    const lanes = new Lanes({ rawOffset: 5, receivedTo: 50 });
    lanes.open('loud');
    pass(lanes.main, 20, 200);
    lanes.open('late');
    pass(lanes.main, 30, 300);
    pass(laneOf(lanes, 'loud'), 9, 90);
    const positions = {
      version: 2,
      rawOffset: 10,
      receivedTo: 90,
      ahead: {
        rawOffset: 31,
        receivedTo: 300,
        lanes: [
          { tenant: 'loud', rawOffset: 10, receivedTo: 90 },
          { tenant: 'late', rawOffset: 21, receivedTo: 200 },
        ],
      },
    };
    expect(lanes.positions).toEqual(positions);
    expect(new Lanes(lanes.positions).positions).toEqual(positions);
  });

  it('never go back when somebody is held back', () => {
    const lanes = new Lanes({ rawOffset: 5, receivedTo: 50 });
    pass(lanes.main, 20, 200);
    lanes.open('loud');
    expect(lanes.done).toEqual({ rawOffset: 21, receivedTo: 200 });
  });
});

describe('a lane', () => {
  it('is done when it has come to where the others are', () => {
    const lanes = new Lanes({ rawOffset: 0, receivedTo: 0 });
    const lane = lanes.open('loud');
    lane.waiting = 1;
    pass(lanes.main, 9, 0);
    pass(lane, 8, 0);
    expect(lanes.isDone(lane)).toBe(false);
    pass(lane, 9, 0);
    expect(lanes.isDone(lane)).toBe(true);
  });

  it('is done sooner where nothing of its tenant is left, if all of it was seen', () => {
    const lanes = new Lanes({ rawOffset: 0, receivedTo: 0 });
    const lane = lanes.open('loud');
    pass(lanes.main, 9, 0);
    expect(lanes.isDone(lane)).toBe(true);
    const taken = laneOf(new Lanes(lanes.positions), 'loud');
    expect(new Lanes(lanes.positions).isDone(taken)).toBe(false);
  });

  it('has its turn after the others have had theirs', () => {
    const lanes = new Lanes({ rawOffset: 0, receivedTo: 0 });
    for (const tenant of ['a', 'b', 'c']) lanes.open(tenant);
    expect(Array.from({ length: 7 }, () => lanes.next()?.tenant)).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a']);
  });
});
