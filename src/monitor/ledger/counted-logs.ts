/**
 * What the account of all process trees is counted from. What a range of offsets of a log counts is a function of the log
 * alone: so it does not matter who counts it, nor how often, if the account takes each range once.
 */
import { deadLetterPartition, EARLIER_DEAD_LETTERS } from '../../event/dead-letter.ts';
import { TOPICS } from '../../event/topics.ts';
import {
  type BatchCounter,
  countAccepted,
  countProcessed,
  countRefused,
  countUnwritten,
  countWritten,
} from './counting.ts';

interface Counting {
  readonly topic: string;
  readonly count: BatchCounter;
  /** The role that reports what it has done; the others are counted from the log alone, since there is little in them. */
  readonly reporter?: 'collector' | 'processor' | 'store';
  /** Counted up to where the store has committed, and not up to the end. */
  readonly toCommitted?: true;
}

export const COUNTINGS = {
  accepted: { topic: TOPICS.raw, count: countAccepted, reporter: 'collector' },
  processed: { topic: TOPICS.events, count: countProcessed, reporter: 'processor' },
  written: { topic: TOPICS.events, count: countWritten, reporter: 'store', toCommitted: true },
  refused: { topic: TOPICS.deadLetter, count: countRefused },
  unwritten: { topic: TOPICS.deadLetter, count: countUnwritten },
} as const satisfies Record<string, Counting>;

export type CountingKind = keyof typeof COUNTINGS;

export interface CountedLog {
  readonly kind: CountingKind;
  readonly partition: number;
}

/** Such as `accepted/0`. */
export const nameOfCounted = ({ kind, partition }: CountedLog): string => `${kind}/${partition}`;

export const countingOf = (kind: CountingKind): Counting => COUNTINGS[kind];

/** All of an installation whose `raw` has so many partitions. */
export function countedLogs(partitions: number): CountedLog[] {
  const each = Array.from({ length: partitions }, (_, partition) => partition);
  return [
    ...each.flatMap((partition) => [
      { kind: 'accepted', partition } as const,
      { kind: 'processed', partition } as const,
      { kind: 'written', partition } as const,
      { kind: 'unwritten', partition: deadLetterPartition.storing(partition) } as const,
    ]),
    { kind: 'refused', partition: deadLetterPartition.collectors },
    { kind: 'unwritten', partition: EARLIER_DEAD_LETTERS.store },
  ];
}
