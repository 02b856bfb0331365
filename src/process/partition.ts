/**
 * One partition of `raw` on its way to the same partition of `events`, exactly once: every batch that is appended
 * carries the position in `raw` that it stands for (event/progress.ts), and a successor reads that from the tail.
 * While a batch is being made durable the next one is made; appends are in order, so positions only grow.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LedgerEntry } from '../event/progress.ts';
import { RecordCursor } from '../event/record-batch.ts';
import { TOPICS } from '../event/topics.ts';
import type { Clock } from '../lib/clock.ts';
import { PROCESS_LIMITS, QUEUE_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import {
  type Appended,
  type AssignedPartition,
  type Offset,
  offset,
  type PartitionReader,
  type PartitionWriter,
  type Queue,
  type ReadResult,
} from '../queue/port.ts';
import { retainedFrom } from '../queue/retained-from.ts';
import { Committer } from './committer.ts';
import { DeadLetters, deadLetterOf } from './dead-letters.ts';
import { Evaluation } from './evaluation.ts';
import { type LaneReader, LaneTurns } from './lanes/lane-turns.ts';
import { type Lane, Lanes, pass } from './lanes/lanes.ts';
import type { Pace } from './lanes/pace.ts';
import type { LaneMemory } from './lanes/passed.ts';
import { countBatch, type ProcessorMetrics } from './metrics.ts';
import { type FinishedBatch, OutputBatch } from './output.ts';
import { Pipeline } from './pipeline.ts';
import { Repeats } from './repeats.ts';
import { findStart, type Start } from './start.ts';
import type { Topology } from './topology.ts';

export interface PartitionOptions {
  readonly queue: Queue;
  /** Of `raw`. */
  readonly assigned: AssignedPartition;
  readonly site: string;
  /** Whether several collectors append to `raw`: then a request may be there twice (repeats.ts). */
  readonly severalCollectors: boolean;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ProcessorMetrics;
  /** Whether noisy tenants may go on; undefined where nobody is held back. */
  readonly pace: Pace | undefined;
  /** Of what was read and left to lanes. */
  readonly memory: LaneMemory;
  /** What became durable, and the offset of `events` after it. */
  readonly onLedger: (partition: number, entries: readonly LedgerEntry[], appended: Appended) => void;
  /** Ends it: stopped, or the partition is to be given up. */
  readonly signal: AbortSignal;
}

interface Opened {
  readonly writer: PartitionWriter;
  readonly reader: PartitionReader;
  readonly start: Start;
  readonly letters: DeadLetters;
  readonly repeats: Repeats | undefined;
}

export class PartitionRun {
  readonly partition: number;
  readonly #options: PartitionOptions;
  readonly #writer: PartitionWriter;
  readonly #reader: PartitionReader;
  readonly #output: OutputBatch;
  readonly #evaluation: Evaluation;
  readonly #lanes: Lanes;
  readonly #turns: LaneTurns;
  readonly #committer: Committer;
  readonly #pipeline = new Pipeline();
  /** Ends the run: stopped from outside, or broken. */
  readonly #until: AbortSignal;
  readonly #letters: DeadLetters;

  private constructor(options: PartitionOptions, { writer, reader, start, letters, repeats }: Opened) {
    this.partition = options.assigned.partition;
    this.#options = options;
    this.#writer = writer;
    this.#reader = reader;
    this.#lanes = new Lanes(start);
    this.#output = new OutputBatch(this.#lanes);
    this.#evaluation = new Evaluation({ ...options, partition: this.partition, repeats }, this.#output);
    this.#turns = new LaneTurns({ ...options, partition: this.partition, lanes: this.#lanes });
    this.#letters = letters;
    options.pace?.appended(this.partition, writer.nextOffset);
    this.#until = AbortSignal.any([options.signal, this.#pipeline.broken]);
    this.#committer = new Committer(options.assigned, options.log, (failure) => this.#pipeline.break(failure));
    this.#committer.reached(start.rawOffset);
  }

  /** Takes over the partition of `events` and finds where to go on in `raw`. */
  static async open(options: PartitionOptions): Promise<PartitionRun> {
    const { queue } = options;
    const { partition } = options.assigned;
    const writer = await queue.openWriter({ topic: TOPICS.events, partition });
    const reader = queue.openReader({ topic: TOPICS.raw, partition });
    try {
      const start = await findStart(options, writer, reader);
      // What was found after the signal may be less than what is there.
      options.signal.throwIfAborted();
      const { rawOffset } = start;
      const repeats = await findRepeats(options, reader, start);
      const letters = await DeadLetters.open({ ...options, partition, rawOffset, start: start.letters });
      return new PartitionRun(options, { writer, reader, start, letters, repeats });
    } catch (thrown) {
      await Promise.allSettled([writer.close(), reader.close()]);
      throw thrown;
    }
  }

  /** Runs until the signal fires, then ends cleanly. Throws what made it impossible to go on. */
  async run(): Promise<void> {
    while (!this.#until.aborted) {
      const hasRead = await this.#readOn();
      if (this.#until.aborted) break;
      const hasWorked = this.#turns.isDue(hasRead) && (await this.#laneTurn());
      if (!hasRead && !hasWorked) await this.#turns.waitForMore(this.#reader, this.#until);
    }
    await this.#pipeline.settled();
    this.#pipeline.broken.throwIfAborted();
  }

  async close(): Promise<void> {
    await this.#pipeline.settled();
    await this.#committer.close();
    await Promise.allSettled([this.#writer.close(), this.#reader.close(), this.#turns.close(), this.#letters.close()]);
  }

  /** At the main position; whether there was anything. */
  async #readOn(): Promise<boolean> {
    const { main } = this.#lanes;
    const from = offset(main.rawOffset);
    const result = await this.#read(this.#reader, from, PROCESS_LIMITS.readBytes);
    if (typeof result === 'number') {
      main.rawOffset = result;
      return true;
    }
    this.#measureLag(result, from);
    for (const range of result.corrupt ?? []) this.#lost(range.fromOffset, range.nextOffset);
    if (result.batches.length === 0) {
      main.rawOffset = result.nextOffset;
      // What cannot be read, or never was (a torn tail), is passed by a marker too: completeness moves on by it, and
      // partitions that were added may wait for its commit.
      if (result.nextOffset > from) await this.#write();
      return result.nextOffset > from;
    }
    let taken = 0;
    for (const batch of result.batches) {
      if (!this.#until.aborted) taken += await this.#take(new RecordCursor(batch.bytes), from);
    }
    if (this.#until.aborted) return true;
    await this.#flush();
    await this.#turns.holdBack(result, taken / Math.max(1, main.rawOffset - from));
    return true;
  }

  /** A few records of a tenant that is held back; whether there was anything to do. */
  async #laneTurn(): Promise<boolean> {
    const turn = await this.#turns.begin();
    if (turn === undefined) return false;
    const { lane } = turn;
    const end = this.#lanes.main.rawOffset;
    if (!this.#lanes.isDone(lane)) {
      const from = offset(lane.rawOffset);
      const result = await this.#read(turn.reader, from, turn.bytes);
      this.#output.at = lane;
      if (typeof result === 'number') lane.rawOffset = Math.min(result, end);
      else if (await this.#takeOf(lane, turn.records, result)) {
        lane.rawOffset = Math.min(Math.max(lane.rawOffset, result.nextOffset), end);
      }
      this.#output.at = this.#lanes.main;
    }
    if (this.#until.aborted) return true;
    await this.#turns.end(lane);
    await this.#flush();
    return true;
  }

  #measureLag({ batches, endOffset }: ReadResult, from: number): void {
    const { partition } = this;
    const { metrics, clock } = this.#options;
    const oldest = batches[0]?.maxTimestampMs;
    metrics.lag.set({ partition }, endOffset - from);
    metrics.lagSeconds.set({ partition }, oldest === undefined ? 0 : Math.max(0, clock.now() - oldest) / 1_000);
  }

  /** Where it goes on instead where records from there on are gone. */
  async #read(reader: LaneReader, from: Offset, maxBytes: number): Promise<ReadResult | number> {
    try {
      return await reader.read(from, { maxBytes });
    } catch (thrown) {
      const earliest = retainedFrom(thrown, from);
      this.#lost(from, earliest);
      return earliest;
    }
  }

  #lost(from: number, to: number): void {
    const { partition } = this;
    const { log, metrics } = this.#options;
    metrics.lost.inc({ partition }, to - from);
    log.error({ partition, from, to }, 'Records of raw are gone before they were processed; going on after them');
  }

  /** The records of a batch, but for those of tenants with a lane; how many were taken. */
  async #take(cursor: RecordCursor, from: number): Promise<number> {
    const evaluation = this.#evaluation;
    const lanes = this.#lanes;
    let taken = 0;
    while (cursor.next()) {
      if (cursor.offset < from) continue;
      if (lanes.size > 0 && this.#leaveToItsLane(cursor)) continue;
      evaluation.evaluate(cursor);
      if (evaluation.mustWait) await this.#write();
      evaluation.take(cursor);
      this.#turns.count(evaluation.tenant, cursor.valueEnd - cursor.valueStart);
      taken++;
    }
    return taken;
  }

  #leaveToItsLane(cursor: RecordCursor): boolean {
    const tenant = this.#evaluation.tenantOf(cursor);
    const lane = tenant === undefined ? undefined : this.#lanes.of(tenant);
    if (lane === undefined) return false;
    lane.waiting++;
    pass(this.#lanes.main, cursor.offset, cursor.timestampMs);
    return true;
  }

  /** So many records of the lane's tenant, up to the main position; false where there are more. */
  async #takeOf(lane: Lane, records: number, { batches }: ReadResult): Promise<boolean> {
    const evaluation = this.#evaluation;
    const from = lane.rawOffset;
    const end = this.#lanes.main.rawOffset;
    let left = records;
    for (const { bytes } of batches) {
      const cursor = new RecordCursor(bytes);
      while (cursor.next() && cursor.offset < end) {
        if (cursor.offset < from) continue;
        if (left === 0 || this.#until.aborted) return false;
        if (evaluation.tenantOf(cursor) !== lane.tenant) {
          pass(lane, cursor.offset, cursor.timestampMs);
          continue;
        }
        evaluation.evaluate(cursor);
        if (evaluation.mustWait) await this.#write();
        evaluation.take(cursor);
        lane.waiting--;
        left--;
      }
    }
    return true;
  }

  async #flush(): Promise<void> {
    if (this.#output.records > 0 || this.#turns.mustMark) await this.#write();
  }

  async #write(): Promise<void> {
    const letters = this.#letters;
    const output = this.#output;
    await this.#whileUncertain();
    await this.#pipeline.room();
    await nextTurn();
    const written = output.letters.splice(0);
    if (written.length > 0) await letters.write(written);
    const { large } = output;
    let batch = output.finish(letters.nextOffset);
    if (batch.bytes.length > QUEUE_LIMITS.batchBytes && large !== undefined) {
      const reason = `As an event it takes more than the ${QUEUE_LIMITS.batchBytes} bytes of a batch.`;
      const letter = deadLetterOf(large, 'MESSAGE_TOO_LARGE', reason);
      await letters.write([letter]);
      written.push(letter);
      batch = output.finishWithout(large, batch, letters.nextOffset);
    }
    const ready = batch;
    this.#turns.marked();
    this.#pipeline.push(async () => {
      await this.#append(ready);
      letters.passed(written);
    });
  }

  /** Somebody else may have the partition by now: nothing more is begun until it is known. */
  async #whileUncertain(): Promise<void> {
    const { assigned, log } = this.#options;
    if (!assigned.isUncertain) return;
    const { partition } = this;
    // That it does not answer the queue says, once for all partitions.
    log.debug({ partition }, 'nothing is written until the coordinator of the group says whose this is');
    await assigned.confirmed(this.#until);
    if (!this.#until.aborted) log.debug({ partition }, 'the coordinator of the group has answered: it is written on');
  }

  async #append(batch: FinishedBatch): Promise<void> {
    const { partition } = this;
    const { metrics, onLedger, pace } = this.#options;
    const appended = await this.#writer.append(batch.bytes);
    pace?.appended(partition, appended.nextOffset);
    this.#committer.reached(batch.rawOffset);
    countBatch(metrics, partition, batch.ledger);
    onLedger(partition, batch.ledger, appended);
  }
}

async function findRepeats(
  { severalCollectors, clock, queue, assigned: { topic, partition } }: PartitionOptions,
  reader: PartitionReader,
  start: Start,
): Promise<Repeats | undefined> {
  if (!severalCollectors) return undefined;
  const repeats = new Repeats();
  // Oldest first: the oldest are forgotten first.
  const earlier = partition < queue.layout(topic).firstPartitions ? 0 : partition;
  const readers = Array.from({ length: earlier }, (_, before) => queue.openReader({ topic, partition: before }));
  try {
    await repeats.recallMoved(reader, readers, start, clock.now());
  } finally {
    await Promise.allSettled(readers.map((opened) => opened.close()));
  }
  await repeats.recall(reader, new Lanes(start), clock.now());
  return repeats;
}
