/**
 * Requests that are in `raw` more than once: a sender that got no answer from one collector asks another, which knows
 * nothing of the first attempt. Both have the same Idempotency-Key and go to the same partition, whose one reader passes
 * over what an earlier attempt brought. It remembers the requests of the last minutes only.
 *
 * A request is one tenant's, and the records of a tenant are processed in the order of the partition whether it has a lane
 * or not (lanes/lanes.ts). So it does not matter that a lane goes on later than the others, as long as nothing is
 * remembered of records that are still to be processed.
 */
import { parseAttempt, RequestBeginning } from '../event/idempotency.ts';
import type { RawMeta } from '../event/raw-meta.ts';
import { RecordCursor } from '../event/record-batch.ts';
import { PROCESS_LIMITS } from '../lib/limits.ts';
import { type Offset, offset, type PartitionReader } from '../queue/port.ts';
import { retainedFrom } from '../queue/retained-from.ts';
import { Lanes, type Position } from './lanes/lanes.ts';
import { MetaReader } from './record.ts';

/** The rule that such records are dropped by, in the ledger. */
export const REPEATED = 'repeated request';

interface Stretch {
  readonly metas: MetaReader;
  readonly lanes: Lanes;
  /** What is before it was read back. */
  readonly done: number;
  readonly end: number;
}

const byOffset = (a: Position, b: Position): number => a.rawOffset - b.rawOffset;

export class Repeats {
  /** By request, oldest first. */
  readonly #requests = new Map<string, RequestBeginning>();
  #last: { readonly meta: RawMeta; readonly add: () => boolean } | undefined;

  /** Call it once for each record, those of a tenant in the order of the partition: whether an earlier attempt brought the same. */
  isRepeat(meta: RawMeta): boolean {
    if (meta.idempotency === undefined) return false;
    if (this.#last?.meta !== meta) this.#last = { meta, add: this.#adder(meta.idempotency) };
    return !this.#last.add();
  }

  /**
   * Reads back the requests of the minutes before each position where the reader of this partition goes on. What lies
   * between a lane and the main position is done for other tenants and not for the lane's.
   */
  async recall(reader: PartitionReader, lanes: Lanes, nowMs: number): Promise<void> {
    const earliest = await reader.earliestOffset();
    const metas = new MetaReader();
    let done = 0;
    for (const { rawOffset: end, receivedTo } of [lanes.main, ...lanes.all()].sort(byOffset)) {
      // It may be far behind: what counts is when the records were received where it goes on.
      const fromMs = (receivedTo === 0 ? nowMs : receivedTo) - PROCESS_LIMITS.repeatMs;
      const begin = Math.max(earliest, end - PROCESS_LIMITS.repeatRecords, await reader.offsetAtTime(fromMs));
      for (let next = Math.max(done, begin); next < end; ) {
        const { batches, nextOffset } = await this.#read(reader, offset(next));
        for (const { bytes } of batches) this.#take(new RecordCursor(bytes), { metas, lanes, done, end });
        if (nextOffset <= next) break;
        next = nextOffset;
      }
      done = Math.max(done, end);
    }
  }

  /**
   * Reads back those that the sources of an added partition had sent before they moved to it, from the partitions that were
   * there before: an attempt may be there whose sender was not answered. Only where this one began in the last minutes.
   */
  async recallMoved(added: PartitionReader, earlier: readonly PartitionReader[], main: Position, nowMs: number) {
    const first = await added.earliestOffset();
    const { batches } = main.receivedTo === 0 ? await added.read(first, { maxBytes: 1 }) : { batches: [] };
    const receivedTo = main.receivedTo || (batches[0]?.maxTimestampMs ?? nowMs);
    if ((await added.offsetAtTime(receivedTo - PROCESS_LIMITS.repeatMs)) > first) return;
    for (const reader of earlier) {
      const rawOffset = await reader.endOffset();
      await this.recall(reader, new Lanes({ rawOffset, receivedTo }), nowMs);
    }
  }

  /** Retention may take what is read just now. */
  async #read(reader: PartitionReader, from: Offset) {
    try {
      return await reader.read(from);
    } catch (thrown) {
      return { batches: [], nextOffset: retainedFrom(thrown, from) };
    }
  }

  #take(cursor: RecordCursor, { metas, lanes, done, end }: Stretch): void {
    while (cursor.next()) {
      if (cursor.offset >= end) return;
      // A batch is looked at from its beginning on: each says where in its request it begins. But no record counts twice.
      if (cursor.offset < done) continue;
      let meta: RawMeta;
      try {
        meta = metas.read(cursor);
      } catch {
        // A dead letter, when it was processed.
        continue;
      }
      // A batch of sockets holds nothing else.
      if (meta.input.startsWith('syslog')) return;
      const { rawOffset } = lanes.of(meta.tenant) ?? lanes.main;
      if (cursor.offset < rawOffset) this.isRepeat(meta);
    }
  }

  #adder(printed: string): () => boolean {
    const found = parseAttempt(printed);
    if (found === undefined || found.attempt === '') return () => true;
    const { key, body, attempt, fromRecord } = found;
    const name = `${key}.${body}`;
    const request = this.#requests.get(name) ?? new RequestBeginning();
    this.#requests.delete(name);
    this.#requests.set(name, request);
    if (this.#requests.size > PROCESS_LIMITS.repeatRequests) this.#forgetOldest();
    return () => request.add(`${attempt}.${fromRecord}`, fromRecord);
  }

  #forgetOldest(): void {
    for (const name of this.#requests.keys()) {
      this.#requests.delete(name);
      return;
    }
  }
}
