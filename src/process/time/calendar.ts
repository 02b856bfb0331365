/** The proleptic Gregorian calendar in UTC, by arithmetic: Date.parse is slow and lenient. Months are 1 to 12. */
export const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
export const DAY_MS = 86_400_000;
export const MINUTE_MS = 60_000;

/** The span of time that an event's timestamp may have: from 1970 to the end of the year 9999. */
export const TIME_MIN_MS = 0;
export const TIME_MAX_MS = 253_402_300_799_999;

/** 1 to 12, or 0 where the three letters are not a month's. */
export function monthOf(letters: string): number {
  return MONTHS.indexOf(letters as (typeof MONTHS)[number]) + 1;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Epoch ms of a civil time read as UTC; NaN where there is no such time. A 60th second is the next minute's first. */
export function civilMs(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  ms = 0,
): number {
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return Number.NaN;
  if (!(hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 60)) return Number.NaN;
  // Days since 0000-03-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil).
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  const days = era * 146_097 + dayOfEra - 719_468;
  return days * DAY_MS + hour * 3_600_000 + minute * MINUTE_MS + second * 1_000 + ms;
}

export function isStorable(ms: number): boolean {
  return ms >= TIME_MIN_MS && ms <= TIME_MAX_MS;
}
