/**
 * Requests that are in `raw` more than once: a sender that got no answer from one collector asks another, which knows
 * nothing of the first attempt. Both have the same Idempotency-Key and go to the same partition, whose one reader passes
 * over what an earlier attempt brought. It remembers the requests of the last minutes only.
 */
import { parseAttempt, RequestBeginning } from '../event/idempotency.ts';
import type { RawMeta } from '../event/raw-meta.ts';
import { RecordCursor } from '../event/record-batch.ts';
import { SpillwayError } from '../lib/errors.ts';
import { PROCESS_LIMITS } from '../lib/limits.ts';
import { type Offset, offset, type PartitionReader } from '../queue/port.ts';
import { MetaReader } from './record.ts';

/** The rule that such records are dropped by, in the ledger. */
export const REPEATED = 'repeated request';

export class Repeats {
  /** By request, oldest first. */
  readonly #requests = new Map<string, RequestBeginning>();
  #last: { readonly meta: RawMeta; readonly add: () => boolean } | undefined;

  /** Call it once for each record, in the order of the partition: whether an earlier attempt brought the same. */
  isRepeat(meta: RawMeta): boolean {
    if (meta.idempotency === undefined) return false;
    if (this.#last?.meta !== meta) this.#last = { meta, add: this.#adder(meta.idempotency) };
    return !this.#last.add();
  }

  /** Reads back the requests of before `end`, where the reader of this partition goes on; what is there was received by `atMs`. */
  async recall(reader: PartitionReader, end: number, atMs: number): Promise<void> {
    const from = Math.max(
      await reader.earliestOffset(),
      end - PROCESS_LIMITS.repeatRecords,
      await reader.offsetAtTime(atMs - PROCESS_LIMITS.repeatMs),
    );
    const metas = new MetaReader();
    for (let next = from; next < end; ) {
      const { batches, nextOffset } = await this.#read(reader, offset(next));
      for (const { bytes } of batches) this.#take(bytes, metas, end);
      if (nextOffset <= next) return;
      next = nextOffset;
    }
  }

  /** Retention may take what is read just now. */
  async #read(reader: PartitionReader, from: Offset) {
    try {
      return await reader.read(from);
    } catch (thrown) {
      if (!(thrown instanceof SpillwayError) || thrown.code !== 'QUEUE_OFFSET_OUT_OF_RANGE') throw thrown;
      return { batches: [], nextOffset: await reader.earliestOffset() };
    }
  }

  #take(batch: Buffer, metas: MetaReader, end: number): void {
    const cursor = new RecordCursor(batch);
    while (cursor.next()) {
      // A batch is looked at from its beginning on: each says where in its request it begins.
      if (cursor.offset >= end) return;
      let meta: RawMeta;
      try {
        meta = metas.read(cursor);
      } catch {
        // A dead letter, when it was processed.
        continue;
      }
      // A batch of sockets holds nothing else.
      if (meta.input.startsWith('syslog')) return;
      this.isRepeat(meta);
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
