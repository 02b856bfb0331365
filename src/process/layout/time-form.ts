/**
 * How a time was written, in a few characters, so that it can be written so again:
 * - `I3Z`, `i,3+01:00`, `I0n+02:00`: ISO 8601 with a T (`I`) or a space (`i`), a comma for the point, that many digits
 *   of a second, and `Z`, an offset, or `n` and the offset that was assumed where it names none;
 * - `B_0+00:00`: RFC 3164 with the day padded by a space (`_`), a zero (`0`) or not at all (`1`), digits, assumed
 *   offset; `b` where the year stands after the day;
 * - `E0`, `E3`, `E6`, `E9`: an integer since 1970; `F3`: seconds with that many decimals.
 */
import { MINUTE_MS, MONTHS } from '../time/calendar.ts';
import { parseZone } from '../time/zone.ts';

const ISO = /^([Ii])(,?)(\d)(Z|n?([+-]\d\d:?\d\d))$/;
const BSD = /^([Bb])([_01])(\d)([+-]\d\d:\d\d)$/;
const EPOCH = /^([EF])(\d)$/;

/** `ms`: epoch ms; `subMs`: digits beyond the millisecond. Undefined where the form is not one. */
export function printTime(ms: number, subMs: string, form: string): string | undefined {
  const iso = ISO.exec(form);
  if (iso !== null) return printIso(ms, subMs, iso);
  const bsd = BSD.exec(form);
  if (bsd !== null) return printBsd(ms, subMs, bsd);
  const epoch = EPOCH.exec(form);
  return epoch === null ? undefined : printEpoch(ms, subMs, epoch[1] === 'E', Number(epoch[2]));
}

function shifted(ms: number, zone: string | undefined): Date {
  return new Date(ms + (zone === undefined ? 0 : parseZone(zone)) * MINUTE_MS);
}

function fraction(date: Date, subMs: string, mark: string, digits: number): string {
  if (digits === 0) return '';
  const ms = String(date.getUTCMilliseconds()).padStart(3, '0');
  return `${mark}${(ms + subMs).slice(0, digits)}`;
}

function printIso(ms: number, subMs: string, [, head, comma, digits, tail = '', zone]: RegExpExecArray): string {
  const date = shifted(ms, zone);
  const text = date.toISOString();
  const second = `${text.slice(0, 10)}${head === 'I' ? 'T' : ' '}${text.slice(11, 19)}`;
  return `${second}${fraction(date, subMs, comma === ',' ? ',' : '.', Number(digits))}${tail.startsWith('n') ? '' : tail}`;
}

function printBsd(ms: number, subMs: string, [, head, pad, digits, zone]: RegExpExecArray): string {
  const date = shifted(ms, zone);
  const day = String(date.getUTCDate());
  const padded = pad === '1' ? day : day.padStart(2, pad === '_' ? ' ' : '0');
  const clock = date.toISOString().slice(11, 19);
  const year = head === 'b' ? ` ${String(date.getUTCFullYear()).padStart(4, '0')}` : '';
  return `${MONTHS[date.getUTCMonth()]} ${padded}${year} ${clock}${fraction(date, subMs, '.', Number(digits))}`;
}

function printEpoch(ms: number, subMs: string, isInteger: boolean, digits: number): string {
  const seconds = Math.floor(ms / 1_000);
  const rest = `${String(ms % 1_000).padStart(3, '0')}${subMs}`.slice(0, digits);
  return isInteger ? `${seconds}${rest}` : `${seconds}.${rest}`;
}
