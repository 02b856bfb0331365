/** Appends that wait for their group, within bounds. */
import type { BatchHeader } from '../../event/record-batch.ts';
import type { SpillwayError } from '../../lib/errors.ts';
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import type { Appended } from '../port.ts';

export interface Append {
  readonly bytes: Buffer;
  readonly header: BatchHeader;
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly arrivedMs: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: SpillwayError) => void;
  /** The group start that its checksum was made for; -1 before. */
  sealedFor: number;
}

export class AppendQueue {
  #waiting: Append[] = [];
  #waitingBytes = 0;
  /** Waiting or in the group under way. */
  #pendingBytes = 0;
  #drained: (() => void)[] = [];

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Whether everything that waits will be in one group. */
  get isOneGroup(): boolean {
    return this.#waitingBytes <= QUEUE_LIMITS.groupBytes;
  }

  get saturated(): boolean {
    return this.#pendingBytes >= QUEUE_LIMITS.pendingBytes;
  }

  /** When the longest waiting one arrived. */
  get oldestMs(): number | undefined {
    return this.#waiting[0]?.arrivedMs;
  }

  push(append: Append): void {
    this.#waiting.push(append);
    this.#waitingBytes += append.bytes.length;
    this.#pendingBytes += append.bytes.length;
  }

  /** What the next group would be, as long as nothing is pushed. */
  nextGroup(): readonly Append[] {
    let bytes = 0;
    let count = 0;
    for (const { bytes: batch } of this.#waiting) {
      if (count > 0 && bytes + batch.length > QUEUE_LIMITS.groupBytes) break;
      bytes += batch.length;
      count++;
    }
    return count === this.#waiting.length ? this.#waiting : this.#waiting.slice(0, count);
  }

  take(): readonly Append[] {
    const group = this.nextGroup();
    this.#waiting = group === this.#waiting ? [] : this.#waiting.slice(group.length);
    for (const { bytes } of group) this.#waitingBytes -= bytes.length;
    return group;
  }

  takeAll(): readonly Append[] {
    const all = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return all;
  }

  /** So much is not pending any more. */
  settle(appends: readonly Append[]): void {
    for (const { bytes } of appends) this.#pendingBytes -= bytes.length;
    if (this.#pendingBytes > QUEUE_LIMITS.pendingBytes / 2 || this.#drained.length === 0) return;
    const drained = this.#drained;
    this.#drained = [];
    for (const resolve of drained) resolve();
  }

  /** Resolves when half of what may wait is free again. */
  drained(): Promise<void> {
    if (!this.saturated) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }
}
