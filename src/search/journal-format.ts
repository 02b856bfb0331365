/**
 * How the store's journal and its snapshot are written: lines of JSON. Shares are grouped by their slice, so that a
 * thousand small tenants of one slice take a few bytes each. Version 1 knew slices of a day that all tenants of a
 * retention shared; version 2 is as 3, but no path had texts of the type `word`: whoever does not know that type would not
 * ask for them. Both are read for ever.
 */

import { SpillwayError } from '../lib/errors.ts';
import type { SliceShare } from './catalogue.ts';
import type { PathType } from './path-types.ts';
import type { Decision } from './policy/slice-policy.ts';
import type { MeasuredVolume } from './policy/volumes.ts';
import { SHARED_GROUP, type SliceKey, sliceText } from './slices.ts';

/** Offsets [from, to) of a partition of `events`. */
export interface Range {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

export interface Intent {
  readonly ranges: readonly Range[];
  /** What the insert adds to the slices that may hold rows of the ranges. */
  readonly shares: readonly SliceShare[];
  /** The version of the policy that placed the rows: what is missing of them is placed by it again. */
  readonly policyVersion: number;
  /** Types that the insert brings to paths where they were not known. */
  readonly paths: readonly PathType[];
  /** Of earlier versions: where the store's one partition of `dead-letter` ended before. */
  readonly deadLettersFrom?: number;
  /** Receipt of the newest of its events, epoch ms. */
  readonly receivedMs: number;
}

export interface OpenIntent extends Intent {
  readonly number: number;
}

export type Entry =
  | { readonly kind: 'begin'; readonly number: number; readonly intent: Intent }
  | { readonly kind: 'end'; readonly number: number; readonly intent: number }
  | { readonly kind: 'drop'; readonly number: number; readonly slice: SliceKey }
  | { readonly kind: 'policy'; readonly number: number; readonly decisions: readonly Decision[] };

export interface Snapshot {
  /** The last line that is counted in. */
  readonly through: number;
  readonly shares: readonly SliceShare[];
  readonly paths: readonly PathType[];
  /** Whether there are more paths than these. */
  readonly morePaths: boolean;
  readonly open: OpenIntent | null;
  readonly decisions: readonly Decision[];
  readonly volumes: readonly MeasuredVolume[];
}

type PackedSlice = readonly [retentionDays: number, hours: number, group: string, start: number];
type PackedShare = readonly [tenant: string, fromMs: number, toMs: number, docs: number, bytes: number];
/** Of each slice its key and its shares. */
type PackedShares = readonly (readonly [PackedSlice, readonly PackedShare[]])[];
type PackedIntent = Omit<Intent, 'shares'> & { readonly slices: PackedShares };

interface PackedSnapshot extends Omit<Snapshot, 'shares' | 'open'> {
  /** As it is read; 3 is written. */
  readonly version: 2 | 3;
  readonly slices: PackedShares;
  readonly open: (PackedIntent & { readonly number: number }) | null;
}

interface FirstSlice {
  readonly tenant: string;
  readonly day: number;
  readonly retentionDays: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly docs: number;
  readonly bytes: number;
}

interface FirstIntent {
  readonly number: number;
  readonly ranges: readonly Range[];
  readonly slices: readonly FirstSlice[];
  readonly days: readonly number[];
  readonly paths: readonly PathType[];
  readonly deadLettersFrom?: number;
}

interface FirstSnapshot {
  readonly version: 1;
  readonly through: number;
  readonly slices: readonly FirstSlice[];
  readonly paths: readonly PathType[];
  readonly morePaths: boolean;
  readonly open: FirstIntent | null;
}

export function writeEntry(entry: Entry): string {
  if (entry.kind !== 'begin') return JSON.stringify(entry);
  return JSON.stringify({ kind: 'begin', number: entry.number, intent: packIntent(entry.intent) });
}

/** Undefined for what is no whole entry. */
export function readEntry(line: string): Entry | undefined {
  try {
    const entry = JSON.parse(line);
    if (entry.kind === 'begin') {
      const { number, intent } = entry;
      if (intent === undefined) return { kind: 'begin', number, intent: firstIntent(entry) };
      return { kind: 'begin', number, intent: unpackIntent(intent) };
    }
    if (entry.kind === 'drop' && entry.slice === undefined) {
      return { kind: 'drop', number: entry.number, slice: daySlice(entry) };
    }
    return entry;
  } catch {
    return undefined;
  }
}

export function writeSnapshot({ shares, open, ...rest }: Snapshot): string {
  const packed: PackedSnapshot = {
    version: 3,
    ...rest,
    slices: pack(shares),
    open: open === null ? null : { number: open.number, ...packIntent(open) },
  };
  return JSON.stringify(packed);
}

/** Throws where it is of a version that is not known here. */
export function readSnapshot(text: string, directory: string): Snapshot {
  const snapshot: PackedSnapshot | FirstSnapshot = JSON.parse(text);
  if (snapshot.version === 2 || snapshot.version === 3) {
    const { version: _, slices, open, ...rest } = snapshot;
    return {
      ...rest,
      shares: unpack(slices),
      open: open === null ? null : { ...unpackIntent(open), number: open.number },
    };
  }
  if (snapshot.version === 1) {
    const { through, slices, paths, morePaths, open } = snapshot;
    const first = open === null ? null : { ...firstIntent(open), number: open.number };
    return { through, shares: slices.map(firstShare), paths, morePaths, open: first, decisions: [], volumes: [] };
  }
  throw new SpillwayError(
    'QUEUE_CORRUPT',
    `The store's catalogue in ${directory} is of a later version than this Spillway knows.`,
  );
}

function packIntent({ shares, ...intent }: Intent): PackedIntent {
  return { ...intent, slices: pack(shares) };
}

function unpackIntent({ slices, ...intent }: PackedIntent): Intent {
  return { ...intent, shares: unpack(slices) };
}

function pack(shares: Iterable<SliceShare>): PackedShares {
  const slices = new Map<string, [PackedSlice, PackedShare[]]>();
  let last: SliceKey | undefined;
  let into: PackedShare[] = [];
  for (const { slice, tenant, fromMs, toMs, docs, bytes } of shares) {
    if (slice !== last) {
      const text = sliceText(slice);
      let packed = slices.get(text);
      if (packed === undefined) {
        packed = [[slice.retentionDays, slice.hours, slice.group, slice.start], []];
        slices.set(text, packed);
      }
      into = packed[1];
      last = slice;
    }
    into.push([tenant, fromMs, toMs, docs, bytes]);
  }
  return [...slices.values()];
}

function unpack(slices: PackedShares): SliceShare[] {
  return slices.flatMap(([[retentionDays, hours, group, start], shares]) => {
    const slice: SliceKey = { retentionDays, hours, group, start };
    return shares.map(([tenant, fromMs, toMs, docs, bytes]) => ({ slice, tenant, fromMs, toMs, docs, bytes }));
  });
}

function daySlice({ retentionDays, day }: Pick<FirstSlice, 'retentionDays' | 'day'>): SliceKey {
  return { retentionDays, hours: 24, group: SHARED_GROUP, start: day };
}

function firstShare({ tenant, fromMs, toMs, docs, bytes, ...place }: FirstSlice): SliceShare {
  return { slice: daySlice(place), tenant, fromMs, toMs, docs, bytes };
}

function firstIntent({ ranges, slices, paths, deadLettersFrom }: FirstIntent): Intent {
  const shares = slices.map(firstShare);
  const receivedMs = shares.reduce((newest, { toMs }) => Math.max(newest, toMs), 0);
  const earlier = deadLettersFrom === undefined ? {} : { deadLettersFrom };
  return { ranges, shares, policyVersion: Number.MAX_SAFE_INTEGER, paths, ...earlier, receivedMs };
}
