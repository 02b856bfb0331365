/**
 * Ends the wait for processes that append no more, or do not answer, so that sources may be read in added partitions:
 * brokers are told to take nothing of their producers, and then it is noted where partitions ended (moves.ts says why).
 */
import type { Logger } from '../../lib/log.ts';
import { type Appender, type AppendingProducer, outOf, putOut, remove } from './appenders.ts';
import type { ControlState } from './control-log.ts';
import { setBarrierOf } from './queue-record.ts';

export interface SharedRecord {
  /** As last read. */
  readonly state: ControlState;
  refresh(): Promise<void>;
  change(change: (state: ControlState) => boolean): Promise<void>;
}

export interface BarringOptions {
  readonly topic: string;
  readonly record: SharedRecord;
  /** Brokers take nothing more of the producer when it resolves. */
  readonly fence: (partition: number, producer: AppendingProducer) => Promise<void>;
  readonly endOf: (partition: number) => Promise<number>;
  readonly log: Logger;
}

/**
 * Brokers first, then the ends, then the note: whoever stops in between has done no harm. Who comes meanwhile maps to
 * all partitions from the start, and keeps the order of what it had kept by itself (spool/spooling-queue.ts).
 */
export async function bar(options: BarringOptions, partitions: number): Promise<void> {
  const { record, topic, endOf, log } = options;
  await record.change((state) => putOut(state, (one) => one.partitions < partitions));
  const fenced = await fenceAll(options, outOf(record.state.appenders));
  const ends = await Promise.all(Array.from({ length: partitions }, (_, partition) => endOf(partition)));
  const isDone = { bar: false };
  await record.change((state) => {
    const isFenced = ([id, one]: [string, Appender]) => one.partitions >= partitions || fenced.includes(id);
    isDone.bar = outOf(state.appenders).every(isFenced) && setBarrierOf(state, topic, ends);
    if (isDone.bar) remove(state, fenced);
    return isDone.bar;
  });
  if (isDone.bar)
    log.info({ topic, partitions, ends, out: fenced.length }, 'it is noted where the partitions ended before');
}

/**
 * Leaves so many of those who are out: whoever comes after one that has just ended goes on as its producers for a while
 * (spool/drain.ts).
 */
export async function removeOldest(options: BarringOptions, leave: number): Promise<void> {
  const { record } = options;
  const out = outOf(record.state.appenders);
  const fenced = await fenceAll(options, out.slice(0, -leave));
  await record.change((state) => remove(state, fenced));
}

/** Their ids. */
async function fenceAll({ fence }: BarringOptions, out: readonly [string, Appender][]): Promise<string[]> {
  await Promise.all(
    out.flatMap(([, { producers }]) =>
      Object.entries(producers).map(([partition, producer]) => fence(Number(partition), producer)),
    ),
  );
  return out.map(([id]) => id);
}
