/**
 * Durable marks: where each partition durably ends. A partition's writer sets its mark after every group; readers in
 * the same process wait on the board; the supervisor carries marks to the boards of other processes. A mark is an
 * absolute state, so one that is lost, late or repeated does no harm.
 */
import type { PartitionState, TopicPartition } from '../port.ts';
import { partitionKey } from './names.ts';

export interface Mark extends PartitionState {
  readonly topic: string;
  /** The owner's epoch: when it changes, readers look at the folder again. */
  readonly epoch: number;
  /** When the writer said so, epoch ms. */
  readonly atMs: number;
}

interface Waiter {
  readonly past: number;
  readonly wake: () => void;
}

export class MarkBoard {
  readonly #marks = new Map<string, Mark>();
  readonly #waiters = new Map<string, Set<Waiter>>();
  readonly #listeners = new Set<(mark: Mark) => void>();

  get(at: TopicPartition): Mark | undefined {
    return this.#marks.get(partitionKey(at));
  }

  all(): Mark[] {
    return [...this.#marks.values()];
  }

  /** A topic that was deleted; whoever waits for it goes on waiting for one of the same name. */
  forget(topic: string): void {
    for (const [key, mark] of this.#marks) if (mark.topic === topic) this.#marks.delete(key);
  }

  /** Takes the mark unless a newer one is known. */
  set(mark: Mark): void {
    const key = partitionKey(mark);
    const known = this.#marks.get(key);
    if (known !== undefined && !isNewer(mark, known)) return;
    this.#marks.set(key, mark);
    const waiters = this.#waiters.get(key);
    if (waiters !== undefined) {
      for (const waiter of waiters) if (mark.endOffset > waiter.past) waiter.wake();
    }
    for (const listener of this.#listeners) listener(mark);
  }

  /** Calls the listener with every mark that is taken; the answer ends that. */
  onChange(listener: (mark: Mark) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Resolves once the partition's durable end is past the offset, or the signal fires. */
  waitPast(at: TopicPartition, past: number, signal: AbortSignal): Promise<void> {
    const known = this.get(at);
    if (signal.aborted || (known !== undefined && known.endOffset > past)) return Promise.resolve();
    const key = partitionKey(at);
    const waiters = this.#waiters.get(key) ?? new Set();
    this.#waiters.set(key, waiters);
    return new Promise((resolve) => {
      const wake = () => {
        waiters.delete(waiter);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const waiter: Waiter = { past, wake };
      waiters.add(waiter);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

function isNewer(mark: Mark, known: Mark): boolean {
  if (mark.epoch !== known.epoch) return mark.epoch > known.epoch;
  if (mark.endOffset !== known.endOffset) return mark.endOffset > known.endOffset;
  if (mark.earliestOffset !== known.earliestOffset) return mark.earliestOffset > known.earliestOffset;
  return mark.atMs >= known.atMs;
}
