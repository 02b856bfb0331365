/**
 * How far a partition of `raw` has been processed, by tenant. All tenants go together, at the main position, but for those
 * with a lane: one that sends more than there is time for is held back at a position of its own, and the others go on past
 * its records. A lane begins where the main position is, so whatever its tenant sent before is done, and it ends when it
 * has come to where the main position then is: the records of a tenant, and so of a source, are processed in their order.
 *
 * Nothing is moved or copied for it: the backlog of a lane stays in `raw`. The positions are part of every progress marker.
 */
import type { Progress, RawPosition } from '../../event/progress.ts';

/** One that moves on. */
export interface Position {
  rawOffset: number;
  receivedTo: number;
}

export interface Lane extends Position {
  readonly tenant: string;
  /** Its records between its position and the main one, as far as this process has seen them. */
  waiting: number;
  /** Whether it has seen all of them: not where the lane was begun by a process before this one. */
  readonly isCounted: boolean;
}

export type Positions = Pick<Progress, 'version' | 'rawOffset' | 'receivedTo' | 'ahead'>;

export class Lanes {
  readonly main: Position;
  readonly #lanes = new Map<string, Lane>();

  /** Goes on from a marker, or from anywhere. */
  constructor({ rawOffset, receivedTo, ahead }: RawPosition & Pick<Progress, 'ahead'>) {
    this.main = { rawOffset: ahead?.rawOffset ?? rawOffset, receivedTo: ahead?.receivedTo ?? receivedTo };
    for (const lane of ahead?.lanes ?? [])
      this.#lanes.set(lane.tenant, { tenant: lane.tenant, ...positionOf(lane), waiting: 0, isCounted: false });
  }

  get size(): number {
    return this.#lanes.size;
  }

  all(): Iterable<Lane> {
    return this.#lanes.values();
  }

  of(tenant: string): Lane | undefined {
    return this.#lanes.get(tenant);
  }

  /** From here on the tenant has a lane. */
  open(tenant: string): Lane {
    const lane = { tenant, ...positionOf(this.main), waiting: 0, isCounted: true };
    this.#lanes.set(tenant, lane);
    return lane;
  }

  /** Its tenant goes with the others again. */
  close(lane: Lane): void {
    this.#lanes.delete(lane.tenant);
  }

  /** Nothing of the lane is left to do. */
  isDone(lane: Lane): boolean {
    return lane.rawOffset >= this.main.rawOffset || (lane.isCounted && lane.waiting === 0);
  }

  /** Whose turn it is: each in turn, so that lanes share what time there is. */
  next(): Lane | undefined {
    const [lane] = this.#lanes.values();
    if (lane === undefined) return undefined;
    this.#lanes.delete(lane.tenant);
    this.#lanes.set(lane.tenant, lane);
    return lane;
  }

  /** Everything before it is done. */
  get done(): RawPosition {
    let last: Position = this.main;
    for (const lane of this.#lanes.values()) if (lane.rawOffset < last.rawOffset) last = lane;
    return positionOf(last);
  }

  /** As a marker says it. */
  get positions(): Positions {
    if (this.#lanes.size === 0) return { version: 1, ...positionOf(this.main) };
    const lanes = Array.from(this.#lanes.values(), (lane) => ({ tenant: lane.tenant, ...positionOf(lane) }));
    return { version: 2, ...this.done, ahead: { ...positionOf(this.main), lanes } };
  }
}

const positionOf = ({ rawOffset, receivedTo }: RawPosition): Position => ({ rawOffset, receivedTo });

/** The record at this offset is done, or is not this position's business. */
export function pass(position: Position, offset: number, receivedMs: number): void {
  position.rawOffset = offset + 1;
  if (receivedMs > position.receivedTo) position.receivedTo = receivedMs;
}
