/** Reads a time in any of the usual forms, told apart by their first characters. */
import { BsdReader, nearestYear } from './bsd.ts';
import { civilMs, isStorable, MINUTE_MS, monthOf } from './calendar.ts';
import { epochMs } from './epoch.ts';
import { IsoReader, type ReadTime } from './iso.ts';
import { assumedZone, parseZone } from './zone.ts';

type Form = (match: RegExpExecArray, receivedMs: number) => number;

/** Each is tried at a position; the answer is epoch ms, or NaN where there is no such time. */
const FORMS: readonly (readonly [RegExp, Form])[] = [
  // 2026/11/23 19:42:54 (nginx's error log, Go)
  [/(\d{4})\/(\d\d)\/(\d\d) (\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?!\d)/y, readNumeric],
  // 23/Nov/2026:19:42:54 +0100 (access logs)
  [/(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d)(?: ([+-]\d{4}))?/y, readCommonLog],
  // Mon, 23 Nov 2026 19:42:54 GMT (RFC 1123, RFC 5322)
  [
    /(?:[A-Z][a-z]{2}, )?(\d\d?) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d)(?: (GMT|UTC|[+-]\d{4}))?(?!\w)/y,
    readCommonLog,
  ],
  // Mon Nov 23 19:42:54.123 2026 (asctime, Apache's error log)
  [/[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d\d?) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))? (\d{4})(?!\d)/y, readAsctime],
  // 081109 203615 (HDFS)
  [/(\d\d)(\d\d)(\d\d) (\d\d)(\d\d)(\d\d)(?!\d)/y, readShort],
  // 10.30 16:49:06, where one of the first two numbers can only be a day
  [/(\d\d)\.(\d\d) (\d\d):(\d\d):(\d\d)(?!\d)/y, readDotted],
];

function inZone(civil: number, zone: string | undefined, receivedMs: number): number {
  if (zone === 'GMT' || zone === 'UTC') return civil;
  return civil - (zone === undefined ? assumedZone(civil, receivedMs) : parseZone(zone)) * MINUTE_MS;
}

function readNumeric(match: RegExpExecArray, receivedMs: number): number {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  return inZone(civilMs(year, month, day, hour, minute, second, fractionMs(match[7])), undefined, receivedMs);
}

function readCommonLog(match: RegExpExecArray, receivedMs: number): number {
  const [, day, month = '', year, hour, minute, second, zone] = match;
  const civil = civilMs(Number(year), monthOf(month), Number(day), Number(hour), Number(minute), Number(second));
  return inZone(civil, zone, receivedMs);
}

function readAsctime(match: RegExpExecArray, receivedMs: number): number {
  const [, month = '', day, hour, minute, second, fraction, year] = match;
  const at = [monthOf(month), Number(day), Number(hour), Number(minute), Number(second)] as const;
  return inZone(civilMs(Number(year), ...at, fractionMs(fraction)), undefined, receivedMs);
}

function readShort(match: RegExpExecArray, receivedMs: number): number {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  return inZone(civilMs(2000 + year, month, day, hour, minute, second), undefined, receivedMs);
}

function readDotted(match: RegExpExecArray, receivedMs: number): number {
  const [first = 0, second = 0, ...clock] = match.slice(1).map(Number);
  if (first <= 12 && second <= 12) return Number.NaN;
  const [month, day] = first > 12 ? [second, first] : [first, second];
  const [hour = 0, minute = 0, seconds = 0] = clock;
  return inZone(nearestYear([month, day, hour, minute, seconds, 0], receivedMs), undefined, receivedMs);
}

function fractionMs(digits: string | undefined): number {
  return digits === undefined ? 0 : Number(digits.slice(0, 3).padEnd(3, '0'));
}

/** Epoch seconds, milliseconds, microseconds or nanoseconds, of 10 digits and more, with or without a fraction. */
const EPOCH = /(\d{10,19})(\.\d{1,9})?(?![\w.])/y;

export class TimeReader {
  readonly iso = new IsoReader();
  readonly bsd = new BsdReader();

  /** The time at `at`, if there is one. The answer is valid until the next call. */
  read(text: string, at: number, receivedMs: number): ReadTime | undefined {
    const code = text.charCodeAt(at);
    const isDigit = code >= 0x30 && code <= 0x39;
    if (isDigit && this.iso.read(text, at, receivedMs)) return this.iso;
    if (!isDigit && !(code >= 0x41 && code <= 0x5a)) return undefined;
    for (const [shape, read] of FORMS) {
      shape.lastIndex = at;
      const match = shape.exec(text);
      const ms = match === null ? Number.NaN : read(match, receivedMs);
      if (isStorable(ms)) return { ms, subMs: '', end: at + (match?.[0].length ?? 0), form: undefined };
    }
    if (!isDigit) return this.bsd.read(text, at, receivedMs) ? this.bsd : undefined;
    return readEpoch(text, at);
  }

  /** The time that the whole text is. */
  readWhole(text: string, receivedMs: number): ReadTime | undefined {
    const time = this.read(text, 0, receivedMs);
    return time?.end === text.length ? time : undefined;
  }
}

function readEpoch(text: string, at: number): ReadTime | undefined {
  EPOCH.lastIndex = at;
  const match = EPOCH.exec(text);
  if (match === null) return undefined;
  const time = epochMs(match[0]);
  return time === undefined ? undefined : { ...time, end: at + match[0].length };
}
