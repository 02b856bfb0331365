/** The counts of an account in memory: bounded, and old minutes added up by hour. */
import { LEDGER_LIMITS } from '../../lib/limits.ts';
import { type LedgerRow, ledgerKey } from './ledger.ts';

const OTHERS = '…others';

export class LedgerRows {
  readonly #rows = new Map<string, LedgerRow>();
  readonly #tenants = new Map<number, Set<string>>();
  readonly #unsaid = new Map<string, LedgerRow>();
  #saidBefore = false;

  get size(): number {
    return this.#rows.size;
  }

  values(): IterableIterator<LedgerRow> {
    return this.#rows.values();
  }

  /** Adds to a cell; what it has now is also put into `changed`. */
  add(count: LedgerRow, changed?: Map<string, LedgerRow>): void {
    const tenant = this.#tenantWithinLimit(count);
    const key = ledgerKey({ ...count, tenant });
    const before = this.#rows.get(key);
    const row = { ...count, tenant, count: (before?.count ?? 0) + count.count };
    this.#rows.set(key, row);
    this.#unsaid.set(key, row);
    changed?.set(key, row);
  }

  /** What the cell has is this. */
  set(row: LedgerRow): void {
    this.#rows.set(ledgerKey(row), row);
  }

  /** Old minutes are added up by hour, hours beyond the limit dropped. */
  fold(nowMinute: number): void {
    const before = new Map(this.#rows);
    this.#rows.clear();
    this.#tenants.clear();
    for (const row of before.values()) {
      const age = nowMinute - row.minute;
      if (age > LEDGER_LIMITS.hours * 60) continue;
      this.add(age > LEDGER_LIMITS.minutes ? { ...row, minute: row.minute - (row.minute % 60) } : row);
    }
    // Whoever was told of a cell that is not there any more is to forget it.
    if (![...before.keys()].every((key) => this.#rows.has(key))) this.#saidBefore = false;
  }

  clear(): void {
    this.#rows.clear();
    this.#tenants.clear();
    this.#unsaid.clear();
    this.#saidBefore = false;
  }

  /** What changed since the last call, as absolute counts; the first time everything, with `reset`. */
  takeChanges(): { readonly reset: boolean; readonly rows: readonly LedgerRow[] } {
    const reset = !this.#saidBefore;
    const rows = [...(reset ? this.#rows : this.#unsaid).values()];
    this.#unsaid.clear();
    this.#saidBefore = true;
    return { reset, rows };
  }

  #tenantWithinLimit({ tenant, minute }: LedgerRow): string {
    let known = this.#tenants.get(minute);
    if (known === undefined) {
      known = new Set();
      this.#tenants.set(minute, known);
    }
    const full = known.size >= LEDGER_LIMITS.tenants || this.#rows.size >= LEDGER_LIMITS.rows;
    if (!known.has(tenant) && full) return OTHERS;
    known.add(tenant);
    return tenant;
  }
}

/** As it is written down. */
export type WrittenRow = readonly [
  partition: number,
  tenant: string,
  minute: number,
  column: LedgerRow['column'],
  count: number,
];

export function writeRow({ partition, tenant, minute, column, count }: LedgerRow): WrittenRow {
  return [partition, tenant, minute, column, count];
}

export function readRow([partition, tenant, minute, column, count]: WrittenRow): LedgerRow {
  return { partition, tenant, minute, column, count };
}
