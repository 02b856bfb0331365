/**
 * The catalogue: which tenants have events in which slices, with the true bounds of their timestamps, so that a question
 * touches only the slices that can hold an answer.
 */
import { classText, type SliceKey, sliceText } from './slices.ts';

/** Both inclusive, ms. */
export interface TimeBounds {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What one tenant has in one slice, with the true bounds of its events' timestamps. */
export interface SliceShare extends TimeBounds {
  readonly slice: SliceKey;
  readonly tenant: string;
  readonly docs: number;
  /** Bytes of the events' records, before compression. */
  readonly bytes: number;
}

function mergeShares(known: SliceShare, added: SliceShare): SliceShare {
  return {
    ...known,
    fromMs: Math.min(known.fromMs, added.fromMs),
    toMs: Math.max(known.toMs, added.toMs),
    docs: known.docs + added.docs,
    bytes: known.bytes + added.bytes,
  };
}

/** What all tenants together have in a slice. */
export interface SliceTotal {
  readonly slice: SliceKey;
  readonly tenants: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly docs: number;
  readonly bytes: number;
}

interface Held {
  readonly slice: SliceKey;
  readonly text: string;
  readonly shares: Map<string, SliceShare>;
}

/** All of it in memory: some 200 bytes for each tenant and slice. */
export class Catalogue {
  /** By slice and tenant; a slice's key is one object. */
  readonly #slices = new Map<string, Held>();
  /** Where the last share went, and the very key that it came with: an insert has one of thousands of tenants. */
  #last: { readonly key: SliceKey; readonly held: Held } | undefined;
  readonly #byTenant = new Map<string, Set<string>>();
  /** How many slices there are of each kind. */
  readonly #kinds = new Map<string, number>();
  /** Slices that are not here any more, or were never, of which rows may still be seen. */
  readonly #leaving = new Set<string>();
  #nobodys = 0;
  #size = 0;
  #changes = 0;

  /** How many pairs of tenant and slice there are. */
  get size(): number {
    return this.#size;
  }

  /** How often a slice has come, or begun to go. */
  get changes(): number {
    return this.#changes;
  }

  *all(): Generator<SliceShare> {
    for (const { shares } of this.#slices.values()) yield* shares.values();
  }

  /** How many slices there are, of whatever tenant, and how many kinds of them. */
  counts(): { readonly slices: number; readonly kinds: number } {
    return { slices: this.#slices.size, kinds: this.#kinds.size };
  }

  totals(): SliceTotal[] {
    return Array.from(this.#slices.values(), ({ slice, shares }) => {
      const total = { slice, tenants: shares.size, fromMs: Infinity, toMs: -Infinity, docs: 0, bytes: 0 };
      for (const { fromMs, toMs, docs, bytes } of shares.values()) {
        total.fromMs = Math.min(total.fromMs, fromMs);
        total.toMs = Math.max(total.toMs, toMs);
        total.docs += docs;
        total.bytes += bytes;
      }
      return total;
    });
  }

  add(share: SliceShare): void {
    const { slice, shares, text } = this.#heldOf(share.slice);
    const known = shares.get(share.tenant);
    shares.set(share.tenant, known === undefined ? { ...share, slice } : mergeShares(known, share));
    if (known !== undefined) return;
    this.#size++;
    const texts = this.#byTenant.get(share.tenant);
    if (texts === undefined) this.#byTenant.set(share.tenant, new Set([text]));
    else texts.add(text);
  }

  remove(slice: SliceKey): void {
    const text = sliceText(slice);
    const held = this.#slices.get(text);
    if (held === undefined) return;
    this.#slices.delete(text);
    this.#last = undefined;
    this.#countKind(slice, -1);
    this.#size -= held.shares.size;
    for (const tenant of held.shares.keys()) {
      const texts = this.#byTenant.get(tenant);
      texts?.delete(text);
      if (texts?.size === 0) this.#byTenant.delete(tenant);
    }
  }

  /** Slices that may hold events of the tenant with a timestamp in [fromMs, toMs), in order of their time. */
  touched(tenant: string, fromMs: number, toMs: number): readonly SliceKey[] {
    const found = [...this.#shares(tenant, fromMs, toMs)];
    return found.sort((a, b) => a.fromMs - b.fromMs).map(({ slice }) => slice);
  }

  /** There are rows of this slice, of whatever tenants and times, until `left` is called. */
  leave(slice: SliceKey): void {
    this.#leaving.add(sliceText(slice));
    this.#changes++;
  }

  left(slice: SliceKey): void {
    this.#leaving.delete(sliceText(slice));
  }

  /** Only of these there are rows: what was to go and is not among them has gone, whoever has taken it away. */
  leftBut(stored: readonly SliceKey[]): void {
    const there = new Set(stored.map(sliceText));
    for (const text of this.#leaving) if (!there.has(text)) this.#leaving.delete(text);
  }

  has(slice: SliceKey): boolean {
    return this.#slices.has(sliceText(slice));
  }

  /**
   * Of the timestamps that the tenant's events have in those slices, both inclusive; undefined where there are none, and
   * where there are rows that the catalogue does not know.
   */
  bounds(tenant: string, fromMs: number, toMs: number): TimeBounds | undefined {
    if (this.#hasUnknownRows) return undefined;
    let bounds: TimeBounds | undefined;
    for (const share of this.#shares(tenant, fromMs, toMs)) {
      bounds = {
        fromMs: Math.min(share.fromMs, bounds?.fromMs ?? share.fromMs),
        toMs: Math.max(share.toMs, bounds?.toMs ?? share.toMs),
      };
    }
    return bounds;
  }

  /** Whether all rows that there are of those slices are the tenant's. */
  isAlone(tenant: string, fromMs: number, toMs: number): boolean {
    if (this.#hasUnknownRows) return false;
    for (const { slice } of this.#shares(tenant, fromMs, toMs)) {
      if (this.#slices.get(sliceText(slice))?.shares.size !== 1) return false;
    }
    return true;
  }

  /** From now on, until the answer is called, there may be rows in no slice that is known here, nobody's or anybody's. */
  expectNobodys(): () => void {
    this.#nobodys++;
    this.#changes++;
    return () => {
      this.#nobodys--;
    };
  }

  get #hasUnknownRows(): boolean {
    return this.#leaving.size > 0 || this.#nobodys > 0;
  }

  #heldOf(key: SliceKey): Held {
    if (this.#last?.key === key) return this.#last.held;
    const text = sliceText(key);
    let held = this.#slices.get(text);
    if (held === undefined) {
      held = { slice: key, text, shares: new Map() };
      this.#slices.set(text, held);
      this.#countKind(key, 1);
      this.#changes++;
    }
    this.#last = { key, held };
    return held;
  }

  *#shares(tenant: string, fromMs: number, toMs: number): Generator<SliceShare> {
    for (const text of this.#byTenant.get(tenant) ?? []) {
      const share = this.#slices.get(text)?.shares.get(tenant);
      if (share !== undefined && share.fromMs < toMs && share.toMs >= fromMs) yield share;
    }
  }

  #countKind(slice: SliceKey, more: 1 | -1): void {
    const kind = classText(slice);
    const left = (this.#kinds.get(kind) ?? 0) + more;
    if (left === 0) this.#kinds.delete(kind);
    else this.#kinds.set(kind, left);
  }
}
