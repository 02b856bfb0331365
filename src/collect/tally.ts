/** The collector's side of the ledger: what became durable, by sender and minute. */
import type { Appended } from '../queue/port.ts';

export interface Sender {
  readonly tenant: string;
  /** Name of the input, such as `syslog-tcp`. */
  readonly input: string;
}

export interface Tally extends Sender {
  /** Time of receipt of the first of them, epoch ms; the others are of the same minute. */
  readonly receivedMs: number;
  /** Records, or dead letters (one of several chunks counts once). */
  count: number;
}

/** One batch that is durable in the queue. */
export interface DurableBatch {
  readonly topic: string;
  readonly partition: number;
  readonly appended: Appended;
  readonly counts: readonly Tally[];
}

const MINUTE_MS = 60_000;

export const sameMinute = (aMs: number, bMs: number): boolean =>
  Math.floor(aMs / MINUTE_MS) === Math.floor(bMs / MINUTE_MS);
