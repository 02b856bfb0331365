/**
 * The zone of a time that names none: this machine's, unless only a reading as UTC puts the time within a quarter of
 * an hour of its receipt (a device that logs in UTC while this machine lives elsewhere).
 */
import { MINUTE_MS } from './calendar.ts';

const NEAR_MS = 15 * MINUTE_MS;

/** Offset from UTC in minutes, east positive, for a civil time (epoch ms as if it were UTC). */
export function assumedZone(civil: number, receivedMs: number): number {
  const local = -new Date(civil).getTimezoneOffset();
  if (local === 0) return 0;
  const localIsNear = Math.abs(civil - local * MINUTE_MS - receivedMs) <= NEAR_MS;
  return !localIsNear && Math.abs(civil - receivedMs) <= NEAR_MS ? 0 : local;
}

/** `+02:00` of 120. */
export function printZone(minutes: number): string {
  const size = Math.abs(minutes);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** Minutes of `+02:00`; NaN where the text is something else. */
export function parseZone(text: string): number {
  const match = /^([+-])(\d\d):?([0-5]\d)$/.exec(text);
  if (match === null || Number(match[2]) > 23) return Number.NaN;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}
