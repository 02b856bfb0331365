/**
 * The collector's dead letters: the whole bytes of what is no record. They go to the collector's partition of the
 * topic, cut into chunks where they are long. Each has an origin of its own, which its chunks share.
 */
import { randomInt } from 'node:crypto';
import { DEAD_LETTER_KEY, encodeDeadLetterReason } from '../event/dead-letter.ts';
import { printOrigin } from '../event/origin.ts';
import { encodeRawMeta, RAW_META_KEY, type RawMeta } from '../event/raw-meta.ts';
import { encodeHeaders } from '../event/record-batch.ts';
import { TOPICS } from '../event/topics.ts';
import type { Clock } from '../lib/clock.ts';
import type { ErrorCode } from '../lib/errors.ts';
import { COLLECT_LIMITS } from '../lib/limits.ts';
import type { Lane } from './lane.ts';

/** Several collectors of a site may make a letter in the same moment. */
const PROCESSES = 10_000_000;
const NOTHING = Buffer.alloc(0);

export interface DeadLetterCause {
  readonly code: ErrorCode;
  /** What happened and where. */
  readonly reason: string;
}

export interface DeadLetterOptions {
  readonly site: string;
  readonly partition: number;
  readonly clock: Clock;
  /** A letter was begun, and how many bytes of a letter were thrown away. */
  readonly onLetter: (input: string, code: ErrorCode) => void;
  readonly onDiscarded: (bytes: number) => void;
}

/** Makes dead letters, each with an origin that no other process of this site has given, before or at the same time. */
export class DeadLetters {
  readonly options: DeadLetterOptions;
  readonly #process = randomInt(1, PROCESSES);
  #number: number;

  constructor(options: DeadLetterOptions) {
    this.options = options;
    this.#number = options.clock.now() * 1_000;
  }

  /** Begins a letter on this lane (of the dead letters' partition). */
  open(lane: Lane, sender: RawMeta, cause: DeadLetterCause): DeadLetter {
    this.#number = Math.max(this.#number + 1, this.options.clock.now() * 1_000);
    this.options.onLetter(sender.input, cause.code);
    const origin = printOrigin({
      site: this.options.site,
      topic: TOPICS.deadLetter,
      partition: this.options.partition,
      offset: this.#number,
      index: this.#process,
    });
    return new DeadLetter(this.options, lane, sender, cause, origin);
  }

  /** A whole letter at once. */
  write(lane: Lane, sender: RawMeta, cause: DeadLetterCause, bytes: Buffer, start: number, end: number): void {
    const letter = this.open(lane, sender, cause);
    letter.add(bytes, start, end);
    letter.end();
  }
}

/** A letter that comes in pieces. Nothing but a chunk's beginning is held. */
export class DeadLetter {
  readonly #options: DeadLetterOptions;
  readonly #lane: Lane;
  readonly #sender: RawMeta;
  readonly #cause: DeadLetterCause;
  readonly #origin: string;
  readonly #meta: Buffer;
  #held = NOTHING;
  #heldBytes = 0;
  #chunk = 0;
  #keptBytes = 0;
  #discardedBytes = 0;

  constructor(options: DeadLetterOptions, lane: Lane, sender: RawMeta, cause: DeadLetterCause, origin: string) {
    this.#options = options;
    this.#lane = lane;
    this.#sender = sender;
    this.#cause = cause;
    this.#origin = origin;
    this.#meta = encodeRawMeta(sender);
  }

  add(bytes: Buffer, start: number, end: number): void {
    const kept = Math.min(end - start, COLLECT_LIMITS.oversizedBytes - this.#keptBytes);
    this.#discardedBytes += end - start - kept;
    this.#keptBytes += kept;
    let at = start;
    const keptEnd = start + kept;
    while (keptEnd - at > COLLECT_LIMITS.deadLetterChunkBytes) {
      this.#release();
      const chunkEnd = Math.min(keptEnd - 1, at + COLLECT_LIMITS.messageBytes);
      this.#write(bytes, at, chunkEnd, false);
      at = chunkEnd;
    }
    if (this.#heldBytes + keptEnd - at > COLLECT_LIMITS.deadLetterChunkBytes) this.#release();
    this.#hold(bytes, at, keptEnd);
  }

  /** The letter is whole. */
  end(): void {
    if (this.#discardedBytes > 0) this.#options.onDiscarded(this.#discardedBytes);
    this.#write(this.#held, 0, this.#heldBytes, true);
    this.#held = NOTHING;
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    if (end === start) return;
    if (this.#held.length === 0) this.#held = Buffer.allocUnsafeSlow(COLLECT_LIMITS.deadLetterChunkBytes);
    bytes.copy(this.#held, this.#heldBytes, start, end);
    this.#heldBytes += end - start;
  }

  #release(): void {
    if (this.#heldBytes > 0) this.#write(this.#held, 0, this.#heldBytes, false);
    this.#heldBytes = 0;
  }

  #write(bytes: Buffer, start: number, end: number, last: boolean): void {
    const reason = encodeDeadLetterReason({
      ...this.#cause,
      origin: this.#origin,
      chunk: this.#chunk++,
      last,
      ...(last && this.#discardedBytes > 0 ? { discardedBytes: this.#discardedBytes } : {}),
    });
    const headers = encodeHeaders([
      [RAW_META_KEY, this.#meta],
      [DEAD_LETTER_KEY, reason],
    ]);
    this.#lane.begin(this.#sender, this.#options.clock.now());
    if (last) this.#lane.append(bytes, start, end, headers);
    else this.#lane.appendPiece(bytes, start, end, headers);
  }
}
