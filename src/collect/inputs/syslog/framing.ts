/**
 * Finds the messages in a stream of syslog over TCP (RFC 6587). Each frame is told apart by its first bytes: octet
 * counting where it begins with a count, a space and `<`; else it ends at a line feed. Carriage returns, line feeds
 * and NULs at the end of a message are framing, not message. It works on chunks as the socket gives them; only a
 * message that goes on in the next chunk is copied, into one buffer that grows to the limit of a message.
 *
 * Every byte that is not framing comes out: as a message, as garbage, or as a piece of an oversized message.
 */
import { COLLECT_LIMITS } from '../../../lib/limits.ts';
import { endOfMessage, isText } from './text.ts';
import { type UnfinishedBudget, UnfinishedMessage } from './unfinished.ts';

const LF = 0x0a;
const NUL = 0x00;
const SPACE = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_1 = 0x31;
const DIGIT_9 = 0x39;
const LESS_THAN = 0x3c;
/** What may stand between the longest message and its line feed. */
const TRAILER_BYTES = 2;
const NOT_COUNTED = 0;
const UNDECIDED = -1;

/** Who takes what was found. The positions are valid during the call only. */
export interface FrameHandler {
  message(bytes: Buffer, start: number, end: number): void;
  /** Lines that are neither syslog nor text. */
  garbage(bytes: Buffer, start: number, end: number): void;
  /** The next piece of a message that is too long, or for which there is no room. */
  oversized(bytes: Buffer, start: number, end: number): void;
  /** The oversized message ends. */
  oversizedEnd(): void;
}

type State = 'between' | 'head' | 'line' | 'counted' | 'oversized line' | 'oversized counted';

export class SyslogFramer {
  readonly #handler: FrameHandler;
  readonly #unfinished: UnfinishedMessage;
  #state: State = 'between';
  /** Bytes of a counted frame that have not come yet. */
  #missing = 0;
  /** Header length of the last frame that `#readCount` looked at. */
  #headBytes = 0;
  #garbageStart = -1;
  #garbageEnd = -1;

  constructor(handler: FrameHandler, budget: UnfinishedBudget) {
    this.#handler = handler;
    this.#unfinished = new UnfinishedMessage(budget);
  }

  push(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#state === 'head') {
      bytes = Buffer.concat([this.#unfinished.view(), chunk]);
      this.#unfinished.clear();
      this.#state = 'between';
    }
    let at = this.#state === 'between' ? 0 : this.#continue(bytes);
    const size = bytes.length;
    while (at < size) {
      const first = bytes[at] ?? 0;
      if (first >= DIGIT_1 && first <= DIGIT_9) {
        const count = this.#readCount(bytes, at);
        if (count === UNDECIDED) {
          this.#begin('head', bytes, at);
          break;
        }
        if (count !== NOT_COUNTED) {
          at = this.#counted(bytes, at + this.#headBytes, count);
          continue;
        }
      } else if (first === LF || first === NUL) {
        at++;
        continue;
      }
      const lineFeed = bytes.indexOf(LF, at);
      if (lineFeed < 0) {
        this.#begin('line', bytes, at);
        break;
      }
      this.#line(bytes, at, lineFeed);
      at = lineFeed + 1;
    }
    if (this.#garbageStart >= 0) this.#endGarbage(bytes);
  }

  /** The stream has ended: what is unfinished is kept too. */
  finish(): void {
    const state = this.#state;
    if (state === 'oversized line' || state === 'oversized counted') this.#endOversized();
    else if (state !== 'between') this.#lineFromUnfinished();
    this.#state = 'between';
  }

  /**
   * The count of the frame at `at`, or NOT_COUNTED, or UNDECIDED where more bytes are needed. A count past what is
   * kept of a message is not taken for one, so that a mistaken one swallows little.
   */
  #readCount(bytes: Buffer, at: number): number {
    const limit = Math.min(bytes.length, at + COLLECT_LIMITS.octetCountDigits);
    let count = 0;
    let position = at;
    for (; position < limit; position++) {
      const digit = (bytes[position] ?? 0) - DIGIT_0;
      if (digit < 0 || digit > 9) break;
      count = count * 10 + digit;
    }
    if (count > COLLECT_LIMITS.oversizedBytes) return NOT_COUNTED;
    if (position === bytes.length) return UNDECIDED;
    if (bytes[position] !== SPACE) return NOT_COUNTED;
    if (position + 1 === bytes.length) return UNDECIDED;
    if (bytes[position + 1] !== LESS_THAN) return NOT_COUNTED;
    this.#headBytes = position + 1 - at;
    return count;
  }

  /** A counted frame whose message begins at `start`. Returns where the next frame begins. */
  #counted(bytes: Buffer, start: number, count: number): number {
    const end = start + count;
    if (count <= COLLECT_LIMITS.messageBytes && end <= bytes.length) {
      this.#message(bytes, start, end);
      return end;
    }
    this.#missing = Math.max(0, end - bytes.length);
    const here = Math.min(end, bytes.length);
    if (count > COLLECT_LIMITS.messageBytes) {
      this.#state = 'oversized counted';
      this.#handler.oversized(bytes, start, here);
      if (this.#missing === 0) this.#endOversized();
    } else {
      this.#begin('counted', bytes, start);
    }
    return here;
  }

  /** Remembers the beginning of a message that this chunk does not end. */
  #begin(state: 'head' | 'line' | 'counted', bytes: Buffer, start: number): void {
    this.#state = state;
    this.#grow(bytes, start, bytes.length);
  }

  /** Takes the rest of a message that began in an earlier chunk. Returns where the next frame begins. */
  #continue(bytes: Buffer): number {
    if (this.#state === 'counted' || this.#state === 'oversized counted') return this.#continueCounted(bytes);
    const lineFeed = bytes.indexOf(LF);
    const end = lineFeed < 0 ? bytes.length : lineFeed;
    this.#grow(bytes, 0, end);
    if (lineFeed < 0) return end;
    if (this.#state === 'oversized line') this.#endOversized();
    else this.#lineFromUnfinished();
    return end + 1;
  }

  #continueCounted(bytes: Buffer): number {
    const end = Math.min(this.#missing, bytes.length);
    this.#missing -= end;
    this.#grow(bytes, 0, end);
    if (this.#missing > 0) return end;
    if (this.#state === 'oversized counted') {
      this.#endOversized();
    } else {
      const whole = this.#unfinished.view();
      this.#state = 'between';
      this.#message(whole, 0, whole.length);
      this.#unfinished.clear();
    }
    return end;
  }

  /** Adds to the unfinished message, which becomes an oversized one where it is too long or there is no room. */
  #grow(bytes: Buffer, start: number, end: number): void {
    if (this.#state === 'oversized line' || this.#state === 'oversized counted') {
      this.#handler.oversized(bytes, start, end);
      return;
    }
    const size = this.#unfinished.length + end - start;
    if (size <= COLLECT_LIMITS.messageBytes + TRAILER_BYTES && this.#unfinished.add(bytes, start, end)) return;
    this.#state = this.#state === 'counted' ? 'oversized counted' : 'oversized line';
    const before = this.#unfinished.view();
    if (before.length > 0) this.#handler.oversized(before, 0, before.length);
    this.#unfinished.clear();
    this.#handler.oversized(bytes, start, end);
  }

  #endOversized(): void {
    this.#state = 'between';
    this.#handler.oversizedEnd();
  }

  #lineFromUnfinished(): void {
    const line = this.#unfinished.view();
    this.#state = 'between';
    this.#line(line, 0, line.length);
    if (this.#garbageStart >= 0) this.#endGarbage(line);
    this.#unfinished.clear();
  }

  #line(bytes: Buffer, start: number, end: number): void {
    if (bytes[start] === LESS_THAN || isText(bytes, start, end)) {
      this.#message(bytes, start, end);
    } else {
      // Neighbouring lines of garbage go together: a binary file is not a thousand dead letters.
      if (this.#garbageStart < 0) this.#garbageStart = start;
      this.#garbageEnd = end;
    }
  }

  #message(bytes: Buffer, start: number, endWithTrailer: number): void {
    if (this.#garbageStart >= 0) this.#endGarbage(bytes);
    const end = endOfMessage(bytes, start, endWithTrailer);
    if (end - start > COLLECT_LIMITS.messageBytes) {
      this.#handler.oversized(bytes, start, end);
      this.#handler.oversizedEnd();
    } else if (end > start) {
      this.#handler.message(bytes, start, end);
    }
  }

  #endGarbage(bytes: Buffer): void {
    const start = this.#garbageStart;
    this.#garbageStart = -1;
    this.#handler.garbage(bytes, start, this.#garbageEnd);
  }
}
