/**
 * Sources, whose records are numbered, and what the store has taken over of them: nothing is skipped, and the records of
 * one source are first seen in their order, also where the source has moved to an added partition.
 */
import { hashSource, partitionOf } from '../../src/collect/source-partition.ts';
import type { TopicPartition } from '../../src/queue/port.ts';
import { partitionKey } from '../../src/queue/segment-log/names.ts';
import { BrokenPromise, type FoundRecord } from './partition-model.ts';
import { parseValue, sourceOf } from './values.ts';

const HASHES = Array.from({ length: 6 }, (_, source) => hashSource(['simulated', String(source)]));
export const SOURCES = HASHES.map((_, source) => source);

/** The collector's mapping. */
export function partitionOfSource(source: number, first: number, partitions: number): number {
  const hash = HASHES[source];
  return hash === undefined ? 0 : partitionOf(hash, first, partitions);
}

export class SourceOrder {
  /** By partition of events: what comes after it was never taken over. */
  readonly #takenTo = new Map<string, number>();
  /** By source: the newest number, and where it stands. */
  readonly #newest = new Map<number, { readonly number: number; readonly where: string }>();

  takenTo(at: TopicPartition): number {
    return this.#takenTo.get(partitionKey(at)) ?? 0;
  }

  /** Somebody who has the partition begins to read there. */
  begins(at: TopicPartition, from: number): void {
    const takenTo = this.takenTo(at);
    if (from > takenTo) throw new BrokenPromise(`${partitionKey(at)}: reading begins at ${from}, taken is ${takenTo}`);
  }

  took(at: TopicPartition, found: readonly FoundRecord[], next: number): void {
    const key = partitionKey(at);
    const takenTo = this.takenTo(at);
    for (const { offset, value } of found) {
      const { text, progress } = parseValue(value);
      if (offset < takenTo || progress !== undefined) continue;
      const { source, number } = sourceOf(text);
      const where = `${key} ${offset}`;
      const newest = this.#newest.get(source);
      if (newest !== undefined && newest.number >= number) {
        throw new BrokenPromise(
          `source ${source}: ${number} at ${where} comes after ${newest.number} at ${newest.where}`,
        );
      }
      this.#newest.set(source, { number, where });
    }
    this.#takenTo.set(key, Math.max(takenTo, next));
  }
}
