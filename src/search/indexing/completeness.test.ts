import { describe, expect, it } from 'vitest';
import { Completeness } from './completeness.ts';

const LANE = { tenant: 'loud', rawOffset: 10, receivedTo: 1_000 };
const HELD_BACK = { rawOffset: 10, receivedTo: 1_000, ahead: { rawOffset: 90, receivedTo: 9_000, lanes: [LANE] } };

describe('while a tenant is held back', () => {
  it('its answers are complete to where it has come, and those of the others to where they have', () => {
    const completeness = new Completeness(
      () => 1,
      () => undefined,
    );
    completeness.set(0, HELD_BACK);
    expect(completeness.toMs('loud')).toBe(1_000);
    expect(completeness.toMs('small')).toBe(9_000);
    expect(completeness.toMs()).toBe(1_000);
    completeness.set(0, { rawOffset: 95, receivedTo: 9_500 });
    for (const tenant of ['loud', 'small', undefined]) expect(completeness.toMs(tenant)).toBe(9_500);
  });

  it('no answer claims less than one before it', () => {
    const end = { endOffset: 50, atMs: 5_000 };
    const completeness = new Completeness(
      () => 1,
      () => end,
    );
    completeness.set(0, { rawOffset: 50, receivedTo: 900 });
    expect(completeness.toMs('loud')).toBe(5_000);
    end.endOffset = 90;
    completeness.set(0, {
      ...HELD_BACK,
      rawOffset: 50,
      ahead: { ...HELD_BACK.ahead, lanes: [{ ...LANE, rawOffset: 50 }] },
    });
    expect(completeness.toMs('loud')).toBe(5_000);
    expect(completeness.toMs('small')).toBe(9_000);
  });

  it('the partition that is farthest behind counts, and an older marker that is heard late does not', () => {
    const completeness = new Completeness(
      () => 2,
      () => undefined,
    );
    completeness.set(0, HELD_BACK);
    expect(completeness.toMs('small')).toBe(0);
    completeness.set(1, { rawOffset: 3, receivedTo: 300 });
    expect(completeness.toMs('small')).toBe(300);
    completeness.set(1, { rawOffset: 9, receivedTo: 9_900 });
    completeness.set(0, { rawOffset: 5, receivedTo: 500 });
    expect(completeness.toMs('small')).toBe(9_000);
    expect(completeness.toMs('loud')).toBe(1_000);
  });
});
