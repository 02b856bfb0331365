/** The slices of one insert that take nothing, and what the indexer is told of their rows. */
import { joined } from '../extent.ts';
import type { InsertOptions, WaitingRows } from '../port.ts';
import type { Row } from './document-block.ts';

const KNOWN = 'it is known that the slice takes nothing';

export class HeldSlices {
  /** By index, why. */
  readonly #reasons = new Map<string, string>();

  /** Without the rows of slices that are known to take nothing. */
  without(rows: readonly Row[], skips: InsertOptions['skips']): readonly Row[] {
    if (skips === undefined) return rows;
    const asked = new Set<string>();
    for (const { index, placement } of rows) {
      if (asked.has(index)) continue;
      asked.add(index);
      if (skips(placement.slice)) this.hold(index, KNOWN);
    }
    return this.#reasons.size === 0 ? rows : rows.filter(({ index }) => !this.has(index));
  }

  hold(index: string, reason: string): void {
    if (!this.#reasons.has(index)) this.#reasons.set(index, reason);
  }

  has(index: string): boolean {
    return this.#reasons.has(index);
  }

  /**
   * All rows of theirs, also what was stored of them before the slice stopped: whether that can be found is not certain
   * before it takes something again.
   */
  of(rows: readonly Row[], advise: (reason: string) => string): readonly WaitingRows[] {
    if (this.#reasons.size === 0) return [];
    const waiting = new Map<string, WaitingRows>();
    for (const { index, placement, record, timestampMs, receivedMs } of rows) {
      const reason = this.#reasons.get(index);
      if (reason === undefined) continue;
      const { partition, offset } = record;
      const key = `${partition}/${index}`;
      const known = waiting.get(key);
      const own = { from: offset, to: offset + 1, receivedMs, fromMs: timestampMs, toMs: timestampMs };
      waiting.set(key, {
        ...(known === undefined ? own : joined(known, own)),
        slice: placement.slice,
        where: index,
        partition,
        rows: (known?.rows ?? 0) + 1,
        reason: reason === KNOWN ? '' : `${reason}. ${advise(reason)}`,
      });
    }
    return [...waiting.values()];
  }
}
