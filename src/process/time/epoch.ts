/**
 * Reads a number as a time: seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by its digits
 * before the point (as every unit below a second is 14 digits or more only after the year 5138 of the one above).
 */
import { isStorable } from './calendar.ts';

export interface EpochTime {
  readonly ms: number;
  /** Digits of the second beyond the third. */
  readonly subMs: string;
  /** `E` and the digits of a second (0, 3, 6, 9) for an integer, `F` and the digits for a fraction. */
  readonly form: string | undefined;
}

const SHAPE = /^(0|[1-9]\d{0,18})(?:\.(\d{1,9}))?$/;

/** The text of a number without sign and exponent; undefined where it is not one or no time of an event. */
export function epochMs(text: string): EpochTime | undefined {
  const match = SHAPE.exec(text);
  if (match === null) return undefined;
  const [, integer = '', fraction] = match;
  const digits = integer.length <= 11 ? 0 : integer.length <= 14 ? 3 : integer.length <= 17 ? 6 : 9;
  if (fraction !== undefined) return digits === 0 ? seconds(integer, fraction) : undefined;
  const cut = Math.max(digits - 3, 0);
  const ms = digits === 0 ? Number(integer) * 1_000 : Number(integer.slice(0, integer.length - cut));
  if (!isStorable(ms)) return undefined;
  return { ms, subMs: integer.slice(integer.length - cut), form: `E${digits}` };
}

function seconds(integer: string, fraction: string): EpochTime | undefined {
  const ms = Number(integer) * 1_000 + Number(fraction.slice(0, 3).padEnd(3, '0'));
  return isStorable(ms) ? { ms, subMs: fraction.slice(3), form: `F${fraction.length}` } : undefined;
}
