/**
 * One follower: a stream of server-sent events (HTML Living Standard, 9.2) that never holds more than its limit. What
 * does not fit, or comes faster than people or programs should be sent, is counted and said with `event: dropped`.
 */
import { PassThrough } from 'node:stream';
import { answeredEvent, type RebuildOriginal } from '../../../event/answered.ts';
import type { StoredEvent } from '../../../event/event.ts';
import type { Clock } from '../../../lib/clock.ts';
import { QUERY_LIMITS } from '../../../lib/limits.ts';
import type { TailDropped } from '../../schemas/context.ts';

export interface Follower {
  readonly tenant: string;
  readonly matches: (event: StoredEvent) => boolean;
  readonly rebuild: RebuildOriginal;
}

const SECOND_MS = 1_000;
/** Room that is kept for saying what was dropped. */
const DROPPED_BYTES = 128;

export class TailClient {
  readonly tenant: string;
  /** What goes to the client. */
  readonly stream = new PassThrough();
  readonly #follower: Follower;
  readonly #clock: Clock;
  readonly #countDropped: (count: number) => void;
  #count = 0;
  #unread = 0;
  #allowance: number = QUERY_LIMITS.tailEventsPerSecond;
  #allowanceMs: number;

  constructor(follower: Follower, clock: Clock, countDropped: (count: number) => void) {
    this.tenant = follower.tenant;
    this.#follower = follower;
    this.#clock = clock;
    this.#countDropped = countDropped;
    this.#allowanceMs = clock.now();
  }

  /** Sends the event where it is this tenant's, matches and fits. */
  offer(event: StoredEvent): void {
    if (event.tenant !== this.tenant || !this.#follower.matches(event)) return;
    const bytes = this.#mayGo() ? bytesOf(event, this.#follower.rebuild) : undefined;
    if (bytes === undefined || !this.#hasRoom(bytes.length + DROPPED_BYTES)) {
      this.#count++;
      this.#countDropped(1);
      return;
    }
    this.sayDropped();
    this.stream.write(bytes);
  }

  /** Records that nobody looked at. */
  skipped(records: number): void {
    this.#unread += records;
  }

  heartbeat(): void {
    this.sayDropped();
    if (this.#hasRoom(DROPPED_BYTES)) this.stream.write(': here\n\n');
  }

  /** Says what was dropped since it was said last, as soon as there is room. */
  sayDropped(): void {
    if (this.#count === 0 && this.#unread === 0) return;
    if (!this.#hasRoom(DROPPED_BYTES)) return;
    const dropped: TailDropped = { count: this.#count, unread: this.#unread };
    this.#count = 0;
    this.#unread = 0;
    this.stream.write(`event: dropped\ndata: ${JSON.stringify(dropped)}\n\n`);
  }

  #hasRoom(bytes: number): boolean {
    const waiting = this.stream.writableLength + this.stream.readableLength;
    return waiting + bytes <= QUERY_LIMITS.tailClientBufferBytes;
  }

  #mayGo(): boolean {
    const now = this.#clock.now();
    const most = QUERY_LIMITS.tailEventsPerSecond;
    const earned = (Math.max(0, now - this.#allowanceMs) * most) / SECOND_MS;
    this.#allowance = Math.min(most, this.#allowance + earned);
    this.#allowanceMs = now;
    if (this.#allowance < 1) return false;
    this.#allowance--;
    return true;
  }
}

function bytesOf(event: StoredEvent, rebuild: RebuildOriginal): Buffer {
  return Buffer.from(`id: ${event.id}\nevent: event\ndata: ${JSON.stringify(answeredEvent(event, rebuild))}\n\n`);
}
