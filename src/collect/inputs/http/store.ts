/**
 * Appends what a request holds, and resolves when all of it is durable. Long requests go in stretches, so that other
 * senders get their turn. A keyed request waits for each stretch before the next one: what of it is durable is then
 * always its beginning, and a retry can go on from there.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { type AttemptOfRequest, printAttempt } from '../../../event/idempotency.ts';
import { encodeRawMeta, RAW_META_KEY, type RawMeta } from '../../../event/raw-meta.ts';
import { encodeHeaders } from '../../../event/record-batch.ts';
import { SpillwayError } from '../../../lib/errors.ts';
import type { Batch } from '../../batch.ts';
import type { Lane } from '../../lane.ts';
import type { InputContext, Outlet } from '../../outlets.ts';
import type { KeyState } from './idempotency.ts';
import type { Ranges } from './ranges.ts';
import { type BodyFormat, causeOfRefusal, type Split } from './split.ts';

/** Of the body, between two turns of the event loop. */
const STRETCH_BYTES = 512 * 1_024;
const STRETCH_RECORDS = 4_096;
const SATURATED_RETRY_S = 5;

export interface Storing {
  readonly body: Buffer;
  readonly format: BodyFormat;
  readonly found: Split;
  readonly sender: RawMeta;
  /** Of a keyed request. */
  readonly attempt: AttemptOfRequest | undefined;
  readonly outlet: Outlet;
  /** Of a keyed request: where to go on, and where to say how far it came. */
  readonly keyed: KeyState | undefined;
}

/** Throws what the queue refuses with, or UNAVAILABLE where it is saturated for long. */
export async function storeRequest({ outlets, clock, limits }: InputContext, request: Storing): Promise<void> {
  const { body, found, format, sender, attempt, keyed } = request;
  const common = { waitMs: limits.httpQueueWaitMs, keyed };
  const dead = outlets.dead.requests;
  const refused = { ...common, lane: dead, ranges: found.refused, progress: 'durableDeadLetters' } as const;
  await inStretches(refused, (start, end) => {
    outlets.deadLetters.write(
      dead,
      senderOf(sender, attempt),
      causeOfRefusal(body, start, end, format),
      body,
      start,
      end,
    );
  });
  const lane = request.outlet.requests;
  const records = { ...common, lane, ranges: found.records, progress: 'durableRecords' } as const;
  let headers = headersOf(sender, undefined);
  await inStretches(records, (start, end, index, isFirst) => {
    if (isFirst) lane.begin(sender, clock.now());
    if (attempt === undefined) {
      lane.append(body, start, end, headers);
      return;
    }
    // Whoever reads a batch, and none before it, knows where in the request it begins.
    const renew = (): Buffer => {
      headers = headersOf(sender, { ...attempt, fromRecord: index });
      return headers;
    };
    lane.append(body, start, end, isFirst ? renew() : headers, renew);
  });
}

const senderOf = (sender: RawMeta, attempt: AttemptOfRequest | undefined): RawMeta =>
  attempt === undefined ? sender : { ...sender, idempotency: printAttempt(attempt) };

function headersOf(sender: RawMeta, attempt: AttemptOfRequest | undefined): Buffer {
  return encodeHeaders([[RAW_META_KEY, encodeRawMeta(senderOf(sender, attempt))]]);
}

interface Work {
  readonly lane: Lane;
  readonly waitMs: number;
  readonly ranges: Ranges;
  readonly keyed: KeyState | undefined;
  readonly progress: 'durableRecords' | 'durableDeadLetters';
}

async function inStretches(
  work: Work,
  write: (start: number, end: number, index: number, isFirst: boolean) => void,
): Promise<void> {
  const { lane, ranges, keyed, progress } = work;
  let durable: Promise<void>[] = [];
  let next = keyed?.[progress] ?? 0;
  while (next < ranges.length) {
    await untilReady(lane, work.waitMs);
    const first = next;
    const stretchEnd = Math.min(ranges.length, first + STRETCH_RECORDS);
    let batch: Batch | undefined;
    for (let bytes = 0; next < stretchEnd && bytes < STRETCH_BYTES; next++) {
      const start = ranges.start(next);
      const end = ranges.end(next);
      write(start, end, next, next === first);
      bytes += end - start;
      if (lane.batch !== batch) {
        batch = lane.batch;
        durable.push(batch.durable());
      }
    }
    lane.flush();
    if (keyed !== undefined) {
      await Promise.all(durable);
      durable = [];
      keyed[progress] = next;
    } else if (next < ranges.length) {
      await turn();
    }
  }
  await Promise.all(durable);
}

async function untilReady(lane: Lane, waitMs: number): Promise<void> {
  if (!lane.blocked) return;
  await new Promise<void>((resolve, reject) => {
    const refuse = (): void =>
      reject(
        new SpillwayError('UNAVAILABLE', 'The disk is slower than what comes in; send this again.', {
          retryAfterS: SATURATED_RETRY_S,
        }),
      );
    const timer = setTimeout(refuse, waitMs);
    lane.whenReady(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
