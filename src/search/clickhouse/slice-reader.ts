/** What slices there are in the embedded engine, and which of them a question touches: the journal's catalogue says. */
import type { StoreJournal } from '../journal.ts';
import type { Decision } from '../policy/slice-policy.ts';
import type { DescribedSlice, SliceReader } from '../port.ts';
import { ownerOf, sliceSpan, sliceText } from '../slices.ts';
import type { EventsTable } from './events-table.ts';
import type { SliceNumber, SliceNumbers } from './slice-numbers.ts';
import type { SliceIndex } from './where.ts';
import { partitionName, storedSlices } from './writer.ts';

export class ClickHouseSlices implements SliceReader {
  readonly #journal: StoreJournal;
  readonly #numbers: SliceNumbers;
  readonly #table: EventsTable;

  constructor(journal: StoreJournal, numbers: SliceNumbers, table: EventsTable) {
    this.#journal = journal;
    this.#numbers = numbers;
    this.#table = table;
  }

  /** As questions ask. */
  readonly index: SliceIndex = {
    touched: (tenant, fromMs, toMs) => this.#touched(tenant, fromMs, toMs),
    bounds: (tenant, fromMs, toMs) => this.#journal.catalogue.bounds(tenant, fromMs, toMs),
    isAlone: (tenant, fromMs, toMs) => this.#journal.catalogue.isAlone(tenant, fromMs, toMs),
    counts: () => this.#journal.catalogue.counts(),
    changes: () => this.#journal.catalogue.changes,
  };

  async touched(tenant: string, fromMs: number, toMs: number): Promise<readonly string[]> {
    return this.#touched(tenant, fromMs, toMs).map(partitionName);
  }

  async describe(): Promise<readonly DescribedSlice[]> {
    const totals = new Map(this.#journal.catalogue.totals().map((total) => [sliceText(total.slice), total]));
    const stored = storedSlices(await this.#table.partitions(), this.#numbers);
    return stored
      .map((one) => {
        const total = totals.get(sliceText(one.slice));
        const { fromMs } = sliceSpan(one.slice);
        const { rule } = this.#journal.policy.ruleAt(ownerOf(one.slice) ?? '', fromMs);
        return {
          ...one,
          tier: rule.tier,
          bounds: total && { fromMs: total.fromMs, toMs: total.toMs },
          tenants: total?.tenants,
        };
      })
      .sort((a, b) => sliceSpan(a.slice).fromMs - sliceSpan(b.slice).fromMs);
  }

  decisions(): readonly Decision[] {
    return this.#journal.policy.decisions;
  }

  #touched(tenant: string, fromMs: number, toMs: number): readonly SliceNumber[] {
    const slices = this.#journal.catalogue.touched(tenant, fromMs, toMs);
    return slices.flatMap((slice) => this.#numbers.find(slice) ?? []);
  }
}
