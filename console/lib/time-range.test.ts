import { describe, expect, test } from 'vitest';
import { absoluteRange, isRelative, readTypedTime, relativeLabel, resolveRange, zoomOut } from './time-range.ts';

const NOW_MS = Date.parse('2026-11-23T14:05:00.000Z');
const HOUR_MS = 3_600_000;

describe('a range', () => {
  test('is resolved once into instants', () => {
    expect(resolveRange({ from: 'now-1h', to: 'now' }, NOW_MS)).toEqual({ fromMs: NOW_MS - HOUR_MS, toMs: NOW_MS });
  });

  test('that is empty or no range is none', () => {
    expect(resolveRange({ from: 'now', to: 'now-1h' }, NOW_MS)).toBeUndefined();
    expect(resolveRange({ from: 'now', to: 'now' }, NOW_MS)).toBeUndefined();
    expect(resolveRange({ from: 'soon', to: 'now' }, NOW_MS)).toBeUndefined();
  });

  test('of today covers the whole day', () => {
    const today = { from: 'now/d', to: 'now/d' };
    const start = Date.parse('2026-11-23T00:00:00Z');
    expect(resolveRange(today, NOW_MS)).toEqual({ fromMs: start, toMs: start + 24 * HOUR_MS });
  });

  test('made absolute names the same instants', () => {
    const instants = { fromMs: NOW_MS - HOUR_MS, toMs: NOW_MS };
    const range = absoluteRange(instants);
    expect(isRelative(range.from)).toBe(false);
    expect(resolveRange(range, 0)).toEqual(instants);
  });

  test.each([
    [{ from: 'now-15m', to: 'now' }, 'Last 15 minutes'],
    [{ from: 'now-1d', to: 'now' }, 'Last day'],
    [{ from: 'now-45s', to: 'now' }, 'Last 45 seconds'],
    [{ from: 'now-2h', to: 'now-1h' }, undefined],
    [{ from: 'now/d', to: 'now' }, undefined],
  ])('%o has the label %s', (range, label) => {
    expect(relativeLabel(range)).toBe(label);
  });
});

describe('zooming out', () => {
  test('doubles the width around the middle', () => {
    const span = { fromMs: NOW_MS - 10 * HOUR_MS, toMs: NOW_MS - 8 * HOUR_MS };
    expect(zoomOut(span, NOW_MS)).toEqual({ fromMs: NOW_MS - 11 * HOUR_MS, toMs: NOW_MS - 7 * HOUR_MS });
  });

  test('does not go past now, and grows into the past instead', () => {
    const span = { fromMs: NOW_MS - HOUR_MS, toMs: NOW_MS };
    expect(zoomOut(span, NOW_MS)).toEqual({ fromMs: NOW_MS - 2 * HOUR_MS, toMs: NOW_MS });
  });
});

describe('a typed time', () => {
  test.each([
    ['now', 'now'],
    [' now-2h ', 'now-2h'],
    ['45m', 'now-45m'],
    ['3 d', 'now-3d'],
    ['2026-11-23 14:00', '2026-11-23T14:00:00.000Z'],
    ['2026-11-23 14:00:07', '2026-11-23T14:00:07.000Z'],
    ['2026-11-23', '2026-11-23T00:00:00.000Z'],
    ['9:30', '2026-11-23T09:30:00.000Z'],
    ['14:00', '2026-11-23T14:00:00.000Z'],
  ])('%s is understood as %s', (typed, read) => {
    expect(readTypedTime(typed, NOW_MS, 'utc')).toBe(read);
  });

  test('with a zone keeps it, whatever zone is shown', () => {
    expect(readTypedTime('2026-11-23T14:00:00+02:00', NOW_MS, 'local')).toBe('2026-11-23T14:00:00+02:00');
  });

  test.each(['', 'tomorrow', '25:00', '2026-13-01', '45 apples'])('%j is refused', (typed) => {
    expect(readTypedTime(typed, NOW_MS, 'utc')).toBeUndefined();
  });
});
