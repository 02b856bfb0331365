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
import { SpillwayError } from '../lib/errors.ts';
import { PROCESS_LIMITS, QUEUE_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import {
  type AssignedPartition,
  type Offset,
  offset,
  type PartitionReader,
  type PartitionWriter,
  type Queue,
  type ReadResult,
} from '../queue/port.ts';
import { Committer } from './committer.ts';
import { DeadLetters, deadLetterOf } from './dead-letters.ts';
import { Evaluation } from './evaluation.ts';
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
  /** What became durable, and the offset of `events` after it. */
  readonly onLedger: (partition: number, entries: readonly LedgerEntry[], nextOffset: Offset) => void;
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
    this.#output = new OutputBatch(start.rawOffset, start.receivedTo);
    this.#evaluation = new Evaluation({ ...options, partition: this.partition, repeats }, this.#output);
    this.#letters = letters;
    this.#until = AbortSignal.any([options.signal, this.#pipeline.broken]);
    this.#committer = new Committer(options.assigned, (failure) => this.#pipeline.break(failure));
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
    while (!this.#until.aborted) await this.#readOn();
    await this.#pipeline.settled();
    this.#pipeline.broken.throwIfAborted();
  }

  async close(): Promise<void> {
    await this.#pipeline.settled();
    await this.#committer.close();
    await Promise.allSettled([this.#writer.close(), this.#reader.close(), this.#letters.close()]);
  }

  async #readOn(): Promise<void> {
    const from = offset(this.#output.rawOffset);
    const result = await this.#read(from);
    if (result === undefined) return;
    this.#measureLag(result, from);
    for (const range of result.corrupt ?? []) this.#lost(range.fromOffset, range.nextOffset);
    if (result.batches.length === 0) {
      this.#output.rawOffset = result.nextOffset;
      // What cannot be read, or never was (a torn tail), is passed by a marker too: completeness moves on by it, and
      // partitions that were added may wait for its commit.
      if (result.nextOffset > from) await this.#write();
      return this.#reader.waitFor(result.nextOffset, this.#until);
    }
    for (const batch of result.batches) {
      if (!this.#until.aborted) await this.#take(new RecordCursor(batch.bytes), from);
    }
    if (!this.#until.aborted) await this.#flush();
  }

  #measureLag({ batches, endOffset }: ReadResult, from: number): void {
    const { partition } = this;
    const { metrics, clock } = this.#options;
    const oldest = batches[0]?.maxTimestampMs;
    metrics.lag.set({ partition }, endOffset - from);
    metrics.lagSeconds.set({ partition }, oldest === undefined ? 0 : Math.max(0, clock.now() - oldest) / 1_000);
  }

  async #read(from: Offset): Promise<ReadResult | undefined> {
    try {
      return await this.#reader.read(from, { maxBytes: PROCESS_LIMITS.readBytes });
    } catch (thrown) {
      if (!(thrown instanceof SpillwayError) || thrown.code !== 'QUEUE_OFFSET_OUT_OF_RANGE') throw thrown;
      const earliest = await this.#reader.earliestOffset();
      if (earliest <= from) throw thrown;
      this.#lost(from, earliest);
      this.#output.rawOffset = earliest;
      return undefined;
    }
  }

  #lost(from: number, to: number): void {
    const { partition } = this;
    const { log, metrics } = this.#options;
    metrics.lost.inc({ partition }, to - from);
    log.error({ partition, from, to }, 'Records of raw are gone before they were processed; going on after them');
  }

  async #take(cursor: RecordCursor, from: number): Promise<void> {
    const evaluation = this.#evaluation;
    while (cursor.next()) {
      if (cursor.offset < from) continue;
      evaluation.evaluate(cursor);
      if (evaluation.mustWait) await this.#flush();
      evaluation.take(cursor);
    }
  }

  async #flush(): Promise<void> {
    if (this.#output.records > 0) await this.#write();
  }

  async #write(): Promise<void> {
    const letters = this.#letters;
    const output = this.#output;
    await this.#pipeline.room();
    await nextTurn();
    if (output.letters.length > 0) await letters.write(output.letters.splice(0));
    const { large } = output;
    let batch = output.finish(letters.nextOffset);
    if (batch.bytes.length > QUEUE_LIMITS.batchBytes && large !== undefined) {
      const reason = `As an event it takes more than the ${QUEUE_LIMITS.batchBytes} bytes of a batch.`;
      await letters.write([deadLetterOf(large, 'MESSAGE_TOO_LARGE', reason)]);
      batch = output.finishWithout(large, batch, letters.nextOffset);
    }
    const ready = batch;
    this.#pipeline.push(() => this.#append(ready));
  }

  async #append(batch: FinishedBatch): Promise<void> {
    const { partition } = this;
    const { metrics, onLedger } = this.#options;
    const { nextOffset } = await this.#writer.append(batch.bytes);
    this.#letters.passed(batch.rawOffset);
    this.#committer.reached(batch.rawOffset);
    countBatch(metrics, partition, batch.ledger);
    onLedger(partition, batch.ledger, nextOffset);
  }
}

async function findRepeats(
  { severalCollectors, clock }: PartitionOptions,
  reader: PartitionReader,
  { rawOffset, receivedTo }: Start,
): Promise<Repeats | undefined> {
  if (!severalCollectors) return undefined;
  const repeats = new Repeats();
  // It may be far behind: what counts is when the records were received where it goes on.
  await repeats.recall(reader, rawOffset, receivedTo === 0 ? clock.now() : receivedTo);
  return repeats;
}
