/**
 * From what is visible, the time of receipt up to which the answers are complete: the minimum over the partitions of
 * `raw`. A partition whose end is visible is complete to the time at which its writer reported that end. A tenant that the
 * processor holds back is complete to where its lane has come, and the others are to where they have.
 */
import type { Progress, RawPosition } from '../../event/progress.ts';
import { LANE_LIMITS } from '../../lib/limits.ts';

/** What of a partition of `raw` is visible. */
export type Visible = Pick<Progress, 'rawOffset' | 'receivedTo' | 'ahead'>;

/** Where a partition of `raw` durably ends, and when (epoch ms) its writer said so. */
export type RawEnd = (partition: number) => { readonly endOffset: number; readonly atMs: number } | undefined;

export class Completeness {
  readonly #visible = new Map<number, Visible>();
  readonly #partitions: () => number;
  readonly #rawEnd: RawEnd;
  /** What was said before, of everybody and by tenant. */
  #sinceMs = 0;
  readonly #sinceMsOf = new Map<string, number>();

  /** `partitions`: how many there are now; one that was just added counts before anything of it is visible. */
  constructor(partitions: () => number, rawEnd: RawEnd) {
    this.#partitions = partitions;
    this.#rawEnd = rawEnd;
  }

  set(partition: number, visible: Visible | undefined): void {
    const known = this.#visible.get(partition);
    if (visible === undefined || (known !== undefined && mainOf(known).rawOffset > mainOf(visible).rawOffset)) return;
    this.#visible.set(partition, {
      ...visible,
      rawOffset: Math.max(visible.rawOffset, known?.rawOffset ?? 0),
      receivedTo: Math.max(visible.receivedTo, known?.receivedTo ?? 0),
    });
  }

  /** Epoch ms, of one tenant or of everybody; it never goes back. */
  toMs(tenant?: string): number {
    let to = Number.POSITIVE_INFINITY;
    for (let partition = this.#partitions() - 1; partition >= 0; partition--) {
      to = Math.min(to, this.#of(partition, positionOf(this.#visible.get(partition), tenant)));
    }
    const sinceMs = Math.max(this.#sinceMs, this.#sinceMsOf.get(tenant ?? '') ?? 0);
    if (!(to > sinceMs && Number.isFinite(to))) return sinceMs;
    if (tenant === undefined) this.#sinceMs = to;
    else this.#say(tenant, to);
    return to;
  }

  #say(tenant: string, toMs: number): void {
    // What is forgotten is said anew, and may then be earlier once.
    if (this.#sinceMsOf.size >= LANE_LIMITS.tenants) this.#sinceMsOf.clear();
    this.#sinceMsOf.set(tenant, toMs);
  }

  #of(partition: number, visible: RawPosition | undefined): number {
    const end = this.#rawEnd(partition);
    const receivedTo = visible?.receivedTo ?? 0;
    return end !== undefined && (visible?.rawOffset ?? 0) >= end.endOffset
      ? Math.max(end.atMs, receivedTo)
      : receivedTo;
  }
}

const mainOf = (visible: Visible): RawPosition => visible.ahead ?? visible;

/** How far a tenant's records are visible; everybody's where it is left out. */
function positionOf(visible: Visible | undefined, tenant: string | undefined): RawPosition | undefined {
  if (visible?.ahead === undefined || tenant === undefined) return visible;
  return visible.ahead.lanes.find((lane) => lane.tenant === tenant) ?? visible.ahead;
}
