/**
 * Bounds the layouts that are given out: the store keeps them by dictionary, so they must be few. Senders whose shapes
 * never repeat (random keys) use the book up; from then on, until the next hour, what is new keeps its original.
 */
import { PROCESS_LIMITS } from '../../lib/limits.ts';

const HOUR_MS = 3_600_000;

export class LayoutBook {
  readonly #given = new Set<string>();
  #hour = 0;

  /** The layout, or undefined where it is too long or one too many. */
  give(layout: string, receivedMs: number): string | undefined {
    if (this.#given.has(layout)) return layout;
    const hour = Math.floor(receivedMs / HOUR_MS);
    if (hour !== this.#hour) {
      this.#hour = hour;
      this.#given.clear();
    }
    if (layout.length > PROCESS_LIMITS.layoutBytes || this.#given.size >= PROCESS_LIMITS.layouts) return undefined;
    this.#given.add(layout);
    return layout;
  }
}
