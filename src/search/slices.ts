/**
 * Slices: a tenant's index for a span of time, here one day of slice time. An event's slice time is its timestamp where
 * that lies near its receipt, else its receipt, so that a sender with a wrong clock neither opens a thousand slices nor
 * keeps its events for ever. Retention counts slice time. The catalogue knows each slice's true bounds, so a question
 * touches only the slices that can hold an answer.
 *
 * Tenants of low volume share a table; `where` leaves room for tables of their own.
 */
export const DAY_MS = 86_400_000;
const PAST_MS = 7 * DAY_MS;
const FUTURE_MS = 1 * DAY_MS;

/** `where` of slices that share a table, or an index, with others of their retention and day. */
export const SHARED = 'events';

export function sliceDay(timestampMs: number, receivedMs: number): number {
  const near = timestampMs >= receivedMs - PAST_MS && timestampMs <= receivedMs + FUTURE_MS;
  return Math.max(0, Math.floor((near ? timestampMs : receivedMs) / DAY_MS));
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

/** Whether everything in the slice is older than its retention at `nowMs`. */
export function isExpired(slice: { readonly day: number; readonly retentionDays: number }, nowMs: number): boolean {
  return (slice.day + 1 + slice.retentionDays) * DAY_MS <= nowMs;
}

export interface Slice {
  readonly tenant: string;
  readonly day: number;
  readonly retentionDays: number;
  /** Where its events are: the name of a table. */
  readonly where: string;
  /** True bounds of the events' timestamps, both inclusive, ms. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly docs: number;
  /** Bytes of the events' records, before compression. */
  readonly bytes: number;
}

export function sliceKey(slice: Pick<Slice, 'tenant' | 'day' | 'retentionDays' | 'where'>): string {
  return `${slice.day}/${slice.retentionDays}/${slice.where}/${slice.tenant}`;
}

/** What an insert adds. */
export function mergeSlices(known: Slice | undefined, added: Slice): Slice {
  if (known === undefined) return added;
  return {
    ...known,
    fromMs: Math.min(known.fromMs, added.fromMs),
    toMs: Math.max(known.toMs, added.toMs),
    docs: known.docs + added.docs,
    bytes: known.bytes + added.bytes,
  };
}

/** All slices in memory. */
export class Catalogue {
  readonly #slices = new Map<string, Slice>();
  readonly #byTenant = new Map<string, Set<string>>();
  /** How many slices each day has. */
  readonly #days = new Map<number, number>();

  get size(): number {
    return this.#slices.size;
  }

  all(): IterableIterator<Slice> {
    return this.#slices.values();
  }

  add(slice: Slice): void {
    const key = sliceKey(slice);
    if (!this.#slices.has(key)) this.#days.set(slice.day, (this.#days.get(slice.day) ?? 0) + 1);
    this.#slices.set(key, mergeSlices(this.#slices.get(key), slice));
    const keys = this.#byTenant.get(slice.tenant) ?? new Set();
    keys.add(key);
    this.#byTenant.set(slice.tenant, keys);
  }

  remove(where: string, retention: number, day: number): void {
    for (const [key, slice] of this.#slices) {
      if (slice.where !== where || slice.retentionDays !== retention || slice.day !== day) continue;
      this.#slices.delete(key);
      const left = (this.#days.get(day) ?? 1) - 1;
      if (left === 0) this.#days.delete(day);
      else this.#days.set(day, left);
      const keys = this.#byTenant.get(slice.tenant);
      keys?.delete(key);
      if (keys?.size === 0) this.#byTenant.delete(slice.tenant);
    }
  }

  /** Days of the slices that may hold events of the tenant with a timestamp in [fromMs, toMs). */
  days(tenant: string, fromMs: number, toMs: number): number[] {
    const days = new Set<number>();
    for (const key of this.#byTenant.get(tenant) ?? []) {
      const slice = this.#slices.get(key);
      if (slice !== undefined && slice.fromMs < toMs && slice.toMs >= fromMs) days.add(slice.day);
    }
    return [...days].sort((a, b) => a - b);
  }

  /** Whether there are slices, of whatever tenant, of other days than these, which are days of slices. */
  hasDaysBesides(days: readonly number[]): boolean {
    return days.length < this.#days.size;
  }
}
