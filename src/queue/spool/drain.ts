/**
 * What is in the log on this machine goes to the queue, in order. Before anything of it is sent it is noted by which
 * producer that is (producer-notes.ts), so that a later process sends nothing again that the queue has already, however
 * much of it this one was told of.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { withoutProducer } from '../../event/record-batch.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { SPOOL_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { type Appended, type Offset, offset, type PartitionReader } from '../port.ts';
import type { ProducerMark } from '../producer-mark.ts';
import type { DirectWriter } from './direct-writer.ts';
import type { Flight } from './flight.ts';
import type { ProducerNote } from './producer-notes.ts';

export interface DrainOptions {
  readonly direct: DirectWriter;
  /** Of this partition in the log on this machine. */
  readonly reader: PartitionReader;
  /** Durable when it resolves. */
  readonly commit: (position: Offset) => Promise<void>;
  /** Durable when it resolves; undefined forgets it. */
  readonly note: (note: ProducerNote | undefined) => Promise<void>;
  readonly log: Logger;
  /** A batch that was in the log is in the queue now. */
  readonly onDrained: (batch: Buffer, appended: Appended) => void;
}

export interface DrainParts extends DrainOptions {
  /** Where in the log that begins which is to go. */
  readonly from: Offset;
  /** What is in the log from there on, and may be in the queue. */
  readonly flights: readonly Flight[];
  /** By what a process of before had begun to send it. */
  readonly left: ProducerNote | undefined;
  /** Nothing is sent before. */
  readonly mayBegin: () => Promise<unknown>;
  readonly isEmptyAt: (position: Offset) => boolean;
  /** So far has the log gone to the queue; and when the next of it was made, if that is known. */
  readonly onMoved: (position: Offset, oldestMs?: number) => void;
  readonly signal: AbortSignal;
}

/** Resolves when all of it has gone, and nothing is noted any more; false where the signal came first. */
export async function drain(parts: DrainParts): Promise<boolean> {
  const { reader, signal, isEmptyAt, onMoved } = parts;
  let position = await landedOf(parts);
  onMoved(position);
  await parts.mayBegin();
  const resumed = await resume(parts, position);
  position = resumed.position;
  let { until } = resumed;
  while (!signal.aborted) {
    // The next process does it.
    if (parts.direct.failure?.code === 'QUEUE_FENCED') return false;
    if (until !== undefined && position >= until) {
      await answered(signal, async () => parts.direct.beginAnew?.());
      if (signal.aborted) return false;
      until = undefined;
    }
    if (isEmptyAt(position)) {
      if ((await forget(parts)) && isEmptyAt(position)) return true;
      continue;
    }
    await reader.waitFor(position, signal);
    if (signal.aborted) return false;
    const { batches, nextOffset } = await reader.read(position);
    onMoved(position, batches[0]?.maxTimestampMs);
    await note(parts, position, until);
    const to = offset(Math.min(nextOffset, until ?? nextOffset));
    const due = batches.filter((batch) => batch.nextOffset > position && batch.nextOffset <= to);
    const sent = await Promise.allSettled(due.map(({ bytes }) => send(parts, withoutProducer(bytes))));
    const refused = sent.find((one) => one.status === 'rejected');
    // What the queue had taken before it refused the rest is none of the next process's.
    position = refused === undefined ? to : (due[sent.indexOf(refused) - 1]?.nextOffset ?? position);
    await commit(parts, position);
    onMoved(position);
    if (refused !== undefined) throw refused.reason;
  }
  return false;
}

/** Behind what of them has come to the queue by itself. */
async function landedOf(parts: DrainParts): Promise<Offset> {
  let position = parts.from;
  for (const { landed, kept } of parts.flights) {
    // What the queue's writer gave up is still to go, and all after it.
    if (!(await landed)) break;
    position = (await kept)?.nextOffset ?? position;
  }
  if (position > parts.from) await commit(parts, position);
  return position;
}

async function send({ direct, onDrained }: DrainParts, batch: Buffer): Promise<void> {
  const kept = Buffer.from(batch);
  onDrained(kept, await direct.append(batch));
}

/** A position that is not committed costs a repetition after a crash, and no record. */
async function commit(parts: DrainParts, position: Offset): Promise<void> {
  await parts.commit(position).catch((thrown: unknown) => {
    parts.log.warn({ reason: messageOf(thrown) }, 'the place in the spool could not be noted');
  });
}

/** An earlier note is as right; it is only further back. */
async function note(parts: DrainParts, position: Offset, end: Offset | undefined): Promise<void> {
  const { mark } = parts.direct;
  if (mark === undefined) return;
  await parts.note({ ...mark, position, ...(end === undefined ? {} : { end }) }).catch((thrown: unknown) => {
    parts.log.warn({ reason: messageOf(thrown) }, 'it could not be noted by which producer the spool is sent');
  });
}

/** What goes to the queue directly afterwards has sequences too, and would be taken for what is in the log. */
export async function forget({ note, log, signal }: Pick<DrainParts, 'note' | 'log' | 'signal'>): Promise<boolean> {
  try {
    await note(undefined);
    return true;
  } catch (thrown) {
    log.warn(
      { reason: messageOf(thrown) },
      'it could not be noted that the spool is sent by another producer: it is waited for',
    );
    await delay(SPOOL_LIMITS.lookMs, undefined, { signal }).catch(() => {});
    return false;
  }
}

interface Resumed {
  readonly position: Offset;
  /** What is in the log up to here is sent by the producer of before; what comes after it, it never knew. */
  readonly until?: Offset;
}

/** Where to go on, after what the queue has of what a process of before had sent. */
async function resume(parts: DrainParts, position: Offset): Promise<Resumed> {
  const { left, direct, reader, signal } = parts;
  if (left === undefined || direct.mark === undefined || signal.aborted) return { position };
  // What is before the note is in the queue; what is not there any more cannot be counted.
  if (left.position < (await reader.earliestOffset())) return { position };
  const records = await goOnFrom(parts, left);
  if (records === undefined) return { position };
  const until = offset(left.end ?? left.position);
  // Of what was under way then, not all may have come into the log.
  const behind = offset(Math.min(await behindRecords(reader, offset(left.position), records), until));
  if (behind <= position) return { position, until };
  await commit(parts, behind);
  parts.onMoved(behind);
  return { position: behind, until };
}

/** Undefined where that cannot be. */
async function goOnFrom({ direct, log, signal }: DrainParts, left: ProducerMark): Promise<number | undefined> {
  const text = 'what a process of before had under way to the queue may be there twice';
  try {
    const records = await answered(signal, async () => direct.goOnFrom?.(left));
    if (records === undefined && !signal.aborted) log.warn({ producer: left.producerId }, text);
    return records;
  } catch (thrown) {
    log.warn({ reason: messageOf(thrown) }, text);
    return undefined;
  }
}

/** Asks again and again while nobody answers; undefined where the signal came first. */
async function answered<Answer>(signal: AbortSignal, ask: () => Promise<Answer>): Promise<Answer | undefined> {
  while (!signal.aborted) {
    try {
      return await ask();
    } catch (thrown) {
      if (!(thrown instanceof SpillwayError && thrown.kind.retry)) throw thrown;
      await delay(SPOOL_LIMITS.lookMs, undefined, { signal }).catch(() => {});
    }
  }
  return undefined;
}

/** Behind whole batches that have no more than so many records; what cannot be read counts as if all of it were one. */
async function behindRecords(reader: PartitionReader, from: Offset, records: number): Promise<Offset> {
  let position = from;
  for (let left = records; left > 0; ) {
    const { batches, corrupt = [], nextOffset } = await reader.read(position);
    const pieces = [
      ...batches.map((batch) => ({ end: batch.nextOffset, records: batch.recordCount })),
      ...corrupt.map((range) => ({ end: range.nextOffset, records: range.nextOffset - range.fromOffset })),
    ].sort((a, b) => a.end - b.end);
    for (const piece of pieces) {
      if (piece.records > left) return position;
      left -= piece.records;
      position = piece.end;
    }
    if (nextOffset <= position && pieces.length === 0) return position;
    position = nextOffset;
  }
  return position;
}
