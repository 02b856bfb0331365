/** What the list of slices notes of an index, and what of it changes with the rows that are about to be written. */
import { randomBytes } from 'node:crypto';
import { HOUR_MS, type SliceKey, sliceSpan } from '../slices.ts';

export interface Noted {
  /** Bounds of the timestamps in it, both inclusive, epoch ms. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly tier: string;
  /** It was not noted when it was made, so the policy may not know it. */
  readonly measured?: true;
  /** The index, as no other of its name is called; missing where a store of before noted it. */
  readonly uuid?: string;
  /** Another text each time a store may have given it further typed fields; missing where nobody noted that. */
  readonly fieldsVersion?: string;
  /** Typed fields hold all values of all its events (true), or may not (false). Missing where that is not known. */
  readonly isWhole?: boolean;
}

/** What rows of an insert need of an index. */
export interface Need {
  readonly index: string;
  readonly slice: SliceKey;
  readonly tier: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What an index has got, or is about to, for rows that are about to be written. */
export interface WriteNote {
  readonly need: Need;
  readonly uuid: string;
  /** It was made for what is about to be written. */
  readonly isNew: boolean;
  /** It may have typed fields that it did not have. */
  readonly hasGrown: boolean;
  /** Whether typed fields hold all values of what is about to be written. */
  readonly isWhole: boolean;
}

/** Never one that there was: a document that is made again must not bring back what somebody read under an old one. */
export function newVersion(): string {
  return randomBytes(6).toString('base64url');
}

/** Events of before are only known where it is new, and one that is not whole never becomes so. */
function wholeWith(noted: Noted, { isNew, isWhole }: WriteNote): boolean | undefined {
  if (!isWhole) return false;
  return isNew ? (noted.isWhole ?? true) : noted.isWhole;
}

export function isNoted(noted: Noted | undefined, note: WriteNote): boolean {
  if (!isCovered(noted, note.need) || note.hasGrown) return false;
  return noted.uuid === note.uuid && wholeWith(noted, note) === noted.isWhole;
}

/** What is noted then. */
export function noteOf(known: Noted | undefined, note: WriteNote, fieldsVersion: string): Noted {
  const noted = isCovered(known, note.need) ? known : widened(known, note.need);
  const isWhole = wholeWith(noted, note);
  const { uuid, hasGrown } = note;
  return { ...noted, uuid, ...(isWhole !== undefined && { isWhole }), ...(hasGrown && { fieldsVersion }) };
}

export function isCovered(noted: Noted | undefined, { fromMs, toMs }: Need): noted is Noted {
  return noted !== undefined && noted.fromMs <= fromMs && noted.toMs >= toMs;
}

/** By whole hours, and at first the whole time of the slice, so that it is seldom done. */
export function widened(noted: Noted | undefined, { slice, tier, fromMs, toMs }: Need): Noted {
  const span = sliceSpan(slice);
  const known = noted ?? { fromMs: span.fromMs, toMs: span.toMs - 1, tier };
  return {
    ...known,
    fromMs: Math.min(known.fromMs, Math.floor(fromMs / HOUR_MS) * HOUR_MS),
    toMs: Math.max(known.toMs, (Math.floor(toMs / HOUR_MS) + 1) * HOUR_MS - 1),
  };
}
