/**
 * Dead letters of a keyed request that another collector has written. On Kafka all collectors append to one partition, and
 * nobody reads it before users do; a sender that got no answer from one of them asks another. So before a collector writes
 * the letters of a request with an Idempotency-Key, it looks at what has come to that partition. What another is still writing
 * it cannot see, and where the queue is away or slow it does not wait: then a letter may be there twice, never not at all.
 * A key that is used again after its time begins a new request: letters of the one before say nothing of it.
 */
import { DEAD_LETTER_KEY, decodeDeadLetterReason } from '../event/dead-letter.ts';
import { parseAttempt, RequestBeginning } from '../event/idempotency.ts';
import { decodeRawMeta, RAW_META_KEY } from '../event/raw-meta.ts';
import { RecordCursor } from '../event/record-batch.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { COLLECT_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { SharedTurn } from '../lib/shared-turn.ts';
import { type Appended, offset, type PartitionReader, type PartitionWriter, type Queue } from '../queue/port.ts';
import { retainedFrom } from '../queue/retained-from.ts';
import { inTime } from './in-time.ts';
import type { KeyedRequest } from './inputs/http/idempotency.ts';

export interface LettersElsewhereOptions {
  readonly queue: Pick<Queue, 'openReader'>;
  /** Of the partition that collectors share. What is before its end now, the keys that are read back tell. */
  readonly writer: PartitionWriter;
  readonly clock: Clock;
  /** For how long a key means the same request. */
  readonly ttlMs: number;
  readonly log: Logger;
}

interface Request {
  readonly beginning: RequestBeginning;
  /** Of its newest letter. */
  newestMs: number;
}

const nameOf = ({ key, body }: KeyedRequest): string => `${key}.${body}`;

export class LettersElsewhere {
  readonly #options: LettersElsewhereOptions;
  #reader: PartitionReader | undefined;
  /** Whatever is before it is our own, or was looked at. Undefined until the queue is known. */
  #position: number | undefined;
  /** By request, oldest first. */
  readonly #requests = new Map<string, Request>();
  /** A look under way may have begun before what is asked for was durable: the next one tells. */
  readonly #look = new SharedTurn(() => this.#read());
  /** A look takes longer than anybody waits. */
  #isLate = false;

  constructor(options: LettersElsewhereOptions) {
    this.#options = options;
    const { writer } = options;
    if (writer.known === undefined) this.#position = writer.nextOffset;
    else
      void writer.known.then(() => {
        this.#position = writer.nextOffset;
      });
  }

  /** A batch of this collector's is durable: without others' nothing is read. */
  appended({ baseOffset, nextOffset }: Appended): void {
    if (baseOffset === this.#position) this.#position = nextOffset;
  }

  /** How many letters of the request are durable, from its first on. */
  async count(request: KeyedRequest): Promise<number> {
    if (this.#position !== undefined && !this.#isLate) await this.#lookInTime();
    return this.#known(nameOf(request))?.beginning.length ?? 0;
  }

  async close(): Promise<void> {
    await this.#reader?.close();
  }

  async #lookInTime(): Promise<void> {
    const look = this.#look.run();
    try {
      await inTime(look, COLLECT_LIMITS.letterLookMs, 'the partition of dead letters does not answer', 1);
    } catch (thrown) {
      this.#options.log.debug({ reason: messageOf(thrown) }, 'letters of other collectors are not known');
      this.#isLate = true;
      const over = (): void => {
        this.#isLate = false;
      };
      look.then(over, over);
    }
  }

  async #read(): Promise<void> {
    const { queue, writer } = this.#options;
    this.#reader ??= queue.openReader({ topic: writer.topic, partition: writer.partition });
    const end = await this.#reader.endOffset();
    let left: number = COLLECT_LIMITS.letterLookBytes;
    while (this.#position !== undefined && this.#position < end && left > 0) {
      const from = this.#position;
      const { batches, nextOffset } = await this.#readAt(this.#reader, from);
      for (const { bytes, baseOffset } of batches) {
        left -= bytes.length;
        if (baseOffset >= from) this.#take(bytes);
      }
      if (nextOffset <= from) return;
      this.#position = Math.max(this.#position, nextOffset);
    }
  }

  /** Retention may have been faster. */
  async #readAt(reader: PartitionReader, from: number) {
    try {
      return await reader.read(offset(from));
    } catch (thrown) {
      return { batches: [], nextOffset: retainedFrom(thrown, from) };
    }
  }

  #take(batch: Buffer): void {
    this.#forgetOld();
    const oldestMs = this.#oldestMs();
    const letters = new RecordCursor(batch);
    while (letters.next()) {
      if (letters.timestampMs < oldestMs) continue;
      const meta = letters.headerValue(RAW_META_KEY);
      const reason = letters.headerValue(DEAD_LETTER_KEY);
      const printed = meta === undefined ? undefined : decodeRawMeta(meta).idempotency;
      if (printed === undefined || reason === undefined || !decodeDeadLetterReason(reason).last) continue;
      const attempt = parseAttempt(printed);
      if (attempt === undefined) continue;
      this.#beginningOf(attempt, letters.timestampMs).add(attempt.attempt, attempt.fromDeadLetter);
    }
  }

  #oldestMs(): number {
    const { clock, ttlMs } = this.#options;
    return clock.now() - ttlMs;
  }

  #forgetOld(): void {
    const oldestMs = this.#oldestMs();
    for (const [name, { newestMs }] of this.#requests) {
      if (newestMs >= oldestMs) return;
      this.#requests.delete(name);
    }
  }

  /** Clocks of collectors differ, so an old one may stand behind a younger one. */
  #known(name: string): Request | undefined {
    const known = this.#requests.get(name);
    return known !== undefined && known.newestMs >= this.#oldestMs() ? known : undefined;
  }

  #beginningOf(request: KeyedRequest, newestMs: number): RequestBeginning {
    const name = nameOf(request);
    const known = this.#known(name) ?? { beginning: new RequestBeginning(), newestMs };
    known.newestMs = Math.max(known.newestMs, newestMs);
    this.#requests.delete(name);
    this.#requests.set(name, known);
    for (const oldest of this.#requests.keys()) {
      if (this.#requests.size <= COLLECT_LIMITS.letterRequests) break;
      this.#requests.delete(oldest);
    }
    return known.beginning;
  }
}
