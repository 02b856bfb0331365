/**
 * Dead letters of a keyed request that another collector has written. On Kafka all collectors append to one partition, and
 * nobody reads it before users do; a sender that got no answer from one of them asks another. So before a collector writes
 * the letters of a request with an Idempotency-Key, it looks at what has come to that partition. What another is still writing
 * it cannot see, and where the queue is away or slow it does not wait: then a letter may be there twice, never not at all.
 */
import { DEAD_LETTER_KEY, decodeDeadLetterReason } from '../event/dead-letter.ts';
import { parseAttempt, RequestBeginning } from '../event/idempotency.ts';
import { decodeRawMeta, RAW_META_KEY } from '../event/raw-meta.ts';
import { RecordCursor } from '../event/record-batch.ts';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { COLLECT_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { type Appended, offset, type PartitionReader, type PartitionWriter, type Queue } from '../queue/port.ts';
import { inTime } from './in-time.ts';
import type { KeyedRequest } from './inputs/http/idempotency.ts';

export interface LettersElsewhereOptions {
  readonly queue: Pick<Queue, 'openReader'>;
  /** Of the partition that collectors share. What is before its end now, the keys that are read back tell. */
  readonly writer: PartitionWriter;
  readonly log: Logger;
}

const nameOf = ({ key, body }: KeyedRequest): string => `${key}.${body}`;

export class LettersElsewhere {
  readonly #options: LettersElsewhereOptions;
  #reader: PartitionReader | undefined;
  /** Whatever is before it is our own, or was looked at. Undefined until the queue is known. */
  #position: number | undefined;
  /** By request, oldest first. */
  readonly #requests = new Map<string, RequestBeginning>();
  #looking: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
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
    return this.#requests.get(nameOf(request))?.length ?? 0;
  }

  async close(): Promise<void> {
    await this.#reader?.close();
  }

  async #lookInTime(): Promise<void> {
    const look = this.#look();
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

  /** The look under way may have begun before what is asked for was durable: the next one tells. */
  #look(): Promise<void> {
    this.#next ??= this.#looking.then(() => {
      this.#next = undefined;
      const reading = this.#read();
      this.#looking = reading.catch(() => undefined);
      return reading;
    });
    return this.#next;
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
      if (!(thrown instanceof SpillwayError) || thrown.code !== 'QUEUE_OFFSET_OUT_OF_RANGE') throw thrown;
      return { batches: [], nextOffset: await reader.earliestOffset() };
    }
  }

  #take(batch: Buffer): void {
    const letters = new RecordCursor(batch);
    while (letters.next()) {
      const meta = letters.headerValue(RAW_META_KEY);
      const reason = letters.headerValue(DEAD_LETTER_KEY);
      const printed = meta === undefined ? undefined : decodeRawMeta(meta).idempotency;
      if (printed === undefined || reason === undefined || !decodeDeadLetterReason(reason).last) continue;
      const attempt = parseAttempt(printed);
      if (attempt !== undefined) this.#beginningOf(attempt).add(attempt.attempt, attempt.fromDeadLetter);
    }
  }

  #beginningOf(request: KeyedRequest): RequestBeginning {
    const name = nameOf(request);
    const known = this.#requests.get(name) ?? new RequestBeginning();
    this.#requests.delete(name);
    this.#requests.set(name, known);
    for (const oldest of this.#requests.keys()) {
      if (this.#requests.size <= COLLECT_LIMITS.letterRequests) break;
      this.#requests.delete(oldest);
    }
    return known;
  }
}
