/**
 * Slices: where a tenant's events of a span of time are. A slice is named by four things: how long it is kept, how many
 * hours it spans, whose it is (`group`), and which of these spans since 1970 it is. Tenants of low volume share slices;
 * one of high volume has slices of its own, which may be shorter (slice-policy.ts says who has which, and since when).
 *
 * An event's slice time is its timestamp where that lies within a week before its receipt, else its receipt: a sender
 * with a wrong clock neither opens a thousand slices nor keeps its events for ever, and no slice time lies in the future,
 * so what is decided about the future moves no event that was stored before. Retention counts slice time.
 */
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
const PAST_MS = 7 * DAY_MS;

/** What slices have in common that differ only in their time. */
export interface SliceClass {
  /** Whole days. */
  readonly retentionDays: number;
  /** Length, 1 to 168. */
  readonly hours: number;
  /** `` (empty): all tenants of the lowest tier; `tier-NAME`: those of another shared one; `own-TENANT`: one tenant's own. */
  readonly group: string;
}

export interface SliceKey extends SliceClass {
  /** How many spans of this length lie between 1970 and its beginning. */
  readonly start: number;
}

/** Slices of a day that tenants of the lowest tier share. */
export const SHARED_GROUP = '';
export const ownGroup = (tenant: string): string => `own-${tenant}`;
export const tierGroup = (tier: string): string => `tier-${tier}`;

/** The tenant whose own slices these are. */
export function ownerOf({ group }: SliceClass): string | undefined {
  return group.startsWith('own-') ? group.slice(4) : undefined;
}

export function sliceTime(timestampMs: number, receivedMs: number): number {
  const near = timestampMs <= receivedMs && timestampMs >= receivedMs - PAST_MS;
  return Math.max(0, near ? timestampMs : receivedMs);
}

/** Times of a slice: from, inclusive, to, exclusive, epoch ms. */
export function sliceSpan({ hours, start }: Pick<SliceKey, 'hours' | 'start'>): {
  readonly fromMs: number;
  readonly toMs: number;
} {
  const length = hours * HOUR_MS;
  return { fromMs: start * length, toMs: (start + 1) * length };
}

export function sliceAt(kind: SliceClass, timeMs: number): SliceKey {
  const { retentionDays, hours, group } = kind;
  return { retentionDays, hours, group, start: Math.floor(timeMs / (hours * HOUR_MS)) };
}

export function classText({ retentionDays, hours, group }: SliceClass): string {
  return `${retentionDays}d/${hours}h/${group}`;
}

/** One text for each slice. */
export function sliceText(key: SliceKey): string {
  return `${classText(key)}/${key.start}`;
}

/** Each slice once. */
export function uniqueSlices(slices: Iterable<SliceKey>): SliceKey[] {
  return [...new Map(Array.from(slices, (slice) => [sliceText(slice), slice])).values()];
}

/** How long a tenant's events are kept. */
export interface RetentionPolicy {
  /** Whole days. */
  readonly days: number;
  readonly tenants?: Readonly<Record<string, number>>;
}

export const DEFAULT_RETENTION: RetentionPolicy = { days: 30 };

export function retentionDays(policy: RetentionPolicy, tenant: string): number {
  return Object.hasOwn(policy.tenants ?? {}, tenant) ? (policy.tenants?.[tenant] ?? policy.days) : policy.days;
}

/** When everything in the slice is older than its retention, epoch ms. */
export function expiryOf(key: SliceKey): number {
  return sliceSpan(key).toMs + key.retentionDays * DAY_MS;
}
