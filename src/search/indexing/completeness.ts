/**
 * From what is visible, the time of receipt up to which the answers are complete: the minimum over the partitions of
 * `raw`. A partition whose end is visible is complete to the time at which its writer reported that end.
 */
import type { Progress } from '../../event/progress.ts';

/** What of a partition of `raw` is visible. */
export type Visible = Pick<Progress, 'rawOffset' | 'receivedTo'>;

/** Where a partition of `raw` durably ends, and when (epoch ms) its writer said so. */
export type RawEnd = (partition: number) => { readonly endOffset: number; readonly atMs: number } | undefined;

export class Completeness {
  readonly #visible = new Map<number, Visible | undefined>();
  readonly #rawEnd: RawEnd;
  #sinceMs = 0;

  constructor(partitions: readonly number[], rawEnd: RawEnd) {
    for (const partition of partitions) this.#visible.set(partition, undefined);
    this.#rawEnd = rawEnd;
  }

  set(partition: number, visible: Visible | undefined): void {
    const known = this.#visible.get(partition);
    if (visible === undefined) return;
    this.#visible.set(partition, {
      rawOffset: Math.max(visible.rawOffset, known?.rawOffset ?? 0),
      receivedTo: Math.max(visible.receivedTo, known?.receivedTo ?? 0),
    });
  }

  /** Epoch ms; it never goes back. */
  toMs(): number {
    let to = Number.POSITIVE_INFINITY;
    for (const [partition, visible] of this.#visible) to = Math.min(to, this.#of(partition, visible));
    if (Number.isFinite(to)) this.#sinceMs = Math.max(this.#sinceMs, to);
    return this.#sinceMs;
  }

  #of(partition: number, visible: Visible | undefined): number {
    const end = this.#rawEnd(partition);
    const receivedTo = visible?.receivedTo ?? 0;
    return end !== undefined && (visible?.rawOffset ?? 0) >= end.endOffset
      ? Math.max(end.atMs, receivedTo)
      : receivedTo;
  }
}
