/** How numbers, times and spans are written. Pure; the time zone is a parameter, because people read logs in both. */
export type Zone = 'local' | 'utc';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const DAY_MS = 86_400_000;

/** `12,345`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** `987`, `12.3k`, `4.5M`: at most four signs and a unit; small fractions keep one decimal. */
export function formatShortCount(count: number): string {
  const units = [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const;
  for (const [size, unit] of units) {
    // 999,950 would print as 1000.0k
    if (count < size * 0.99995) continue;
    const scaled = count / size;
    return `${scaled >= 99.95 ? Math.round(scaled) : scaled.toFixed(1).replace(/\.0$/, '')}${unit}`;
  }
  return String(count < 10 ? Math.round(count * 10) / 10 : Math.round(count));
}

/** `0.4 %`, `37 %`; never 0 or 100 unless it is exactly that. */
export function formatShare(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) return '0 %';
  if (part >= whole) return '100 %';
  const percent = (part / whole) * 100;
  if (percent < 0.1) return '<0.1 %';
  return percent < 10 || percent > 99 ? `${Math.min(99.9, Number(percent.toFixed(1)))} %` : `${Math.round(percent)} %`;
}

/** `120 ms`, `1.5 s`, `2 min`, `3 h`, `4 d`. */
export function formatSpan(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${trim(ms / 1_000)} s`;
  if (ms < 3_600_000) return `${trim(ms / 60_000)} min`;
  if (ms < DAY_MS) return `${trim(ms / 3_600_000)} h`;
  return `${trim(ms / DAY_MS)} d`;
}

function trim(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '');
}

/** `3 min ago`, `in 2 h`, `just now` (within 2 s). */
export function formatAgo(ms: number, nowMs: number): string {
  const age = nowMs - ms;
  if (Math.abs(age) < 2_000) return 'just now';
  const units = [
    [DAY_MS, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ] as const;
  const [size, unit] = units.find(([candidate]) => Math.abs(age) >= candidate) ?? [1_000, 's'];
  const amount = Math.round(Math.abs(age) / size);
  return age > 0 ? `${amount} ${unit} ago` : `in ${amount} ${unit}`;
}

interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly clock: string;
  readonly millis: string;
}

function partsOf(ms: number, zone: Zone): Parts {
  const date = new Date(ms);
  const shifted = zone === 'utc' ? date : new Date(ms - date.getTimezoneOffset() * 60_000);
  const iso = shifted.toISOString();
  // Years past 9999 or before 0 have a sign and six digits, so the clock is counted from the end.
  return {
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth(),
    day: shifted.getUTCDate(),
    clock: iso.slice(-13, -5),
    millis: iso.slice(-4, -1),
  };
}

/** `14:05:59`. */
export function formatClock(ms: number, zone: Zone): string {
  return partsOf(ms, zone).clock;
}

/** `14:05:59.123`, with `Nov 23 ` before it where `dated`. */
export function formatRowTime(ms: number, zone: Zone, dated: boolean): string {
  const { month, day, clock, millis } = partsOf(ms, zone);
  const time = `${clock}.${millis}`;
  return dated ? `${MONTHS[month] ?? ''} ${String(day).padStart(2, '0')} ${time}` : time;
}

/** `2026-11-23 14:05:59`: also what the time picker's fields take. */
export function formatDateTime(ms: number, zone: Zone): string {
  const { year, month, day, clock } = partsOf(ms, zone);
  return `${year}-${String(month + 1).padStart(2, '0')}-${String(day).padStart(2, '0')} ${clock}`;
}

/** `Nov 23, 14:00 – 15:00`, seconds only where they matter, the day and year once or twice as needed. */
export function formatInterval(fromMs: number, toMs: number, zone: Zone, nowMs: number): string {
  const from = partsOf(fromMs, zone);
  const to = partsOf(toMs, zone);
  const short = [fromMs, toMs].every((ms) => ms % 60_000 === 0);
  const clock = (parts: Parts) => (short ? parts.clock.slice(0, 5) : parts.clock);
  const thisYear = partsOf(nowMs, zone).year;
  const day = (parts: Parts) =>
    `${MONTHS[parts.month] ?? ''} ${parts.day}${parts.year === thisYear && to.year === from.year ? '' : ` ${parts.year}`}`;
  const sameDay = from.year === to.year && from.month === to.month && from.day === to.day;
  const end = sameDay ? clock(to) : `${day(to)}, ${clock(to)}`;
  return `${day(from)}, ${clock(from)} – ${end}`;
}

/** Whether rows between these instants need their day written to be understood. */
export function needsDate(fromMs: number, toMs: number, nowMs: number, zone: Zone): boolean {
  const today = formatDateTime(nowMs, zone).slice(0, 10);
  return toMs - fromMs > DAY_MS || formatDateTime(fromMs, zone).slice(0, 10) !== today;
}

/** `+05:30`, `UTC`. */
export function formatZone(ms: number, zone: Zone): string {
  const minutes = zone === 'utc' ? 0 : -new Date(ms).getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const size = Math.abs(minutes);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `UTC${minutes < 0 ? '−' : '+'}${two(size / 60)}:${two(size % 60)}`;
}
