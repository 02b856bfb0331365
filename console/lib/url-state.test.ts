import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_RANGE } from './time-range.ts';
import {
  DEFAULT_COLUMNS,
  DEFAULT_VIEW,
  MAX_COLUMNS,
  printView,
  REFRESH_CHOICES_MS,
  readView,
  toggleColumn,
  type View,
} from './url-state.ts';

const name = fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }).filter((text) => text.isWellFormed());
const id = fc.option(fc.string({ minLength: 1, maxLength: 40 }), { nil: undefined });
const views: fc.Arbitrary<View> = fc.record({
  q: fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
  range: fc.constantFrom(
    DEFAULT_RANGE,
    { from: 'now-7d', to: 'now' },
    { from: 'now-1d/d', to: 'now/d' },
    { from: '2026-11-23T10:00:00.000Z', to: '2026-11-23T11:30:00.000Z' },
  ),
  order: fc.constantFrom('asc', 'desc'),
  columns: fc.uniqueArray(name, { maxLength: MAX_COLUMNS }),
  event: id,
  context: id,
  live: fc.boolean(),
  refreshMs: fc.constantFrom(...REFRESH_CHOICES_MS),
});

describe('the address', () => {
  test('brings back every view that was put into it', () => {
    fc.assert(
      fc.property(views, (view) => {
        expect(readView(printView(view))).toEqual(view);
      }),
    );
  });

  test('is empty for the default view, so that a bare link stays bare', () => {
    expect(printView(DEFAULT_VIEW)).toBe('');
    expect(readView('')).toEqual(DEFAULT_VIEW);
    expect(readView('?')).toEqual(DEFAULT_VIEW);
  });

  test('can be read by people', () => {
    const view = {
      ...DEFAULT_VIEW,
      q: 'level:error',
      range: { from: 'now-15m', to: 'now' },
      columns: ['app', 'status'],
    };
    expect(printView(view)).toBe('q=level:error&from=now-15m&to=now&columns=app,status');
  });

  test('with a time that is none shows the default range instead of an error', () => {
    expect(readView('from=yesterday&to=now').range).toEqual(DEFAULT_RANGE);
    expect(readView('from=now-1h&to=2026-13-77').range).toEqual(DEFAULT_RANGE);
  });

  test('with broken parameters falls back to each default', () => {
    const view = readView(`order=sideways&refresh=3&live=yes&columns=&event=${'x'.repeat(500)}&unknown=1`);
    expect(view).toEqual({ ...DEFAULT_VIEW, columns: [] });
  });

  test('keeps at most so many columns, each once', () => {
    const many = Array.from({ length: MAX_COLUMNS + 5 }, (_, index) => `f${index}`);
    expect(readView(`columns=${[...many, 'f0'].join(',')}`).columns).toEqual(many.slice(0, MAX_COLUMNS));
  });
});

describe('choosing columns', () => {
  test('adds one at the end and takes it away again', () => {
    expect(toggleColumn(DEFAULT_COLUMNS, 'status')).toEqual([...DEFAULT_COLUMNS, 'status']);
    expect(toggleColumn(['app', 'status'], 'app')).toEqual(['status']);
  });

  test('stops at the limit', () => {
    const full = Array.from({ length: MAX_COLUMNS }, (_, index) => `f${index}`);
    expect(toggleColumn(full, 'one more')).toBe(full);
  });
});
