/** A role that lives, and stands still. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SUPERVISOR_LIMITS } from '../lib/limits.ts';
import { processorTroubles } from './processor-trouble.ts';
import { Silence } from './silence.ts';

const { silenceLookMs, silenceLooks, downTroubleMs } = SUPERVISOR_LIMITS;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watched() {
  const told: (number | null)[] = [];
  const silence = new Silence((sinceMs) => told.push(sinceMs));
  const startMs = Date.now();
  silence.expect();
  return { silence, told, startMs };
}

it('is told once, with when it was heard last, and when it is heard again', () => {
  const { silence, told, startMs } = watched();
  vi.advanceTimersByTime(silenceLookMs / 2);
  silence.heard();
  vi.advanceTimersByTime(silenceLookMs * (silenceLooks - 1));
  expect(told).toEqual([]);
  vi.advanceTimersByTime(silenceLookMs * 5);
  const sinceMs = startMs + silenceLookMs / 2;
  expect([told, silence.sinceMs]).toEqual([[sinceMs], sinceMs]);
  silence.heard();
  expect([told, silence.sinceMs]).toEqual([[sinceMs, null], null]);
});

it('is not told of one that was not heard because nobody listened', () => {
  const { silence, told } = watched();
  // The whole tree stood still: clocks went on, and nobody looked.
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(silenceLookMs);
  silence.heard();
  vi.advanceTimersByTime(silenceLookMs);
  expect(told).toEqual([]);
});

it('is not told of one of which nothing is expected', () => {
  const { silence, told } = watched();
  silence.end();
  vi.advanceTimersByTime(silenceLookMs * silenceLooks * 2);
  expect(told).toEqual([]);
});

it('makes health say that nothing is processed, but for a processor that is started again at once', () => {
  const clock = { now: () => 1_000_000 };
  expect(processorTroubles(null, clock)).toEqual([]);
  expect(processorTroubles(1_000_000 - downTroubleMs + 1, clock)).toEqual([]);
  expect(processorTroubles(1_000_000 - downTroubleMs, clock)).toEqual([
    expect.stringContaining(`has not run since ${new Date(1_000_000 - downTroubleMs).toISOString()}`),
  ]);
});
