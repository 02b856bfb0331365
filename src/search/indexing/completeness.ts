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
  readonly #visible = new Map<number, Visible>();
  readonly #partitions: () => number;
  readonly #rawEnd: RawEnd;
  #sinceMs = 0;

  /** `partitions`: how many there are now; one that was just added counts before anything of it is visible. */
  constructor(partitions: () => number, rawEnd: RawEnd) {
    this.#partitions = partitions;
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
    for (let partition = this.#partitions() - 1; partition >= 0; partition--) {
      to = Math.min(to, this.#of(partition, this.#visible.get(partition)));
    }
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
