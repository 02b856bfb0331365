/** Appends the records of a request to their partitions; where each is, once all of them are durable. */
import { encodeHeaders, RecordBatchBuilder } from '../../../event/record-batch.ts';
import { SpillwayError } from '../../../lib/errors.ts';
import { TOPIC_LIMITS } from '../../../lib/limits.ts';
import type { Appended, PartitionWriter, TopicPartition } from '../../../queue/port.ts';
import type { InputContext } from '../../outlets.ts';
import type { TopicWriters } from '../../topics/topic-writers.ts';
import type { KeyedRequest } from '../http/idempotency.ts';
import {
  add,
  durableCount,
  KEY_HEADER,
  newProduceState,
  offsetOf,
  type ProduceState,
  printPart,
} from './produce-keys.ts';
import type { ProducedRecord } from './records.ts';

/** The records of a request by partition, and where each of them went: in the order of the request. */
export interface Placed {
  readonly byPartition: ReadonlyMap<number, readonly ProducedRecord[]>;
  /** How many the topic had when that was decided. */
  readonly partitions: number;
  readonly places: readonly { readonly partition: number; readonly index: number }[];
}

export interface Storing {
  readonly context: InputContext;
  readonly writers: TopicWriters;
  /** In the queue. */
  readonly topic: string;
  readonly placed: Placed;
  /** Of a keyed request: what of it is durable already, and is not appended again. */
  readonly once: { readonly keyed: KeyedRequest; readonly state: ProduceState } | undefined;
  readonly onAppended: (at: TopicPartition, appended: Appended) => void;
}

/** Throws what a partition refused with; others may have taken their part, which `durable` of the details says. */
export async function storeRecords(storing: Storing): Promise<{ partition: number; offset: number }[]> {
  const { placed, once } = storing;
  const state = once?.state ?? newProduceState({ body: '', receivedMs: 0 });
  state.partitions = placed.partitions;
  const before = durableOf(state);
  const outcomes = await Promise.allSettled(
    [...placed.byPartition].map(([partition, records]) => storePart(storing, state, partition, records)),
  );
  const refused = outcomes.find((outcome) => outcome.status === 'rejected');
  if (refused !== undefined) throw withCount(refused.reason, durableOf(state) - before);
  return placed.places.map(({ partition, index }) => ({ partition, offset: offsetOf(state, partition, index) }));
}

function durableOf({ parts }: ProduceState): number {
  return parts.reduce((sum, { count }) => sum + count, 0);
}

function withCount(reason: unknown, durable: number): unknown {
  if (!(reason instanceof SpillwayError) || durable === 0) return reason;
  const { code, message, details, retryAfterS } = reason;
  const also = `${message} ${durable} records of the request are durable; with an Idempotency-Key a retry appends only the rest.`;
  return new SpillwayError(code, also, {
    cause: reason,
    details: { ...details, durable },
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
  });
}

async function storePart(
  { context, writers, topic, placed, once, onAppended }: Storing,
  state: ProduceState,
  partition: number,
  records: readonly ProducedRecord[],
): Promise<void> {
  const at = { topic, partition };
  const { writer } = await writers.open(at);
  const appends: Promise<void>[] = [];
  let index = durableCount(state, partition);
  let isRefused = false;
  while (index < records.length && !isRefused) {
    await untilReady(writer, context.limits.httpQueueWaitMs);
    const first = index;
    const { batch, next } = encode(
      records,
      first,
      context.clock.now(),
      once && printPart(once.keyed, first, placed.partitions),
    );
    index = next;
    const appended = writer.append(batch).then((where) => {
      add(state, { partition, index: first, baseOffset: where.baseOffset, count: next - first });
      onAppended(at, where);
    });
    // What of a keyed request is durable is always its beginning.
    if (once !== undefined) await appended;
    // It is looked at below; nothing is to come after what is missing.
    appended.catch(() => {
      isRefused = true;
    });
    appends.push(appended);
  }
  await Promise.all(appends);
}

/** As many as fit one batch. */
function encode(records: readonly ProducedRecord[], first: number, nowMs: number, part: Buffer | undefined) {
  const builder = new RecordBatchBuilder();
  let next = first;
  for (; next < records.length; next++) {
    const record = records[next];
    if (record === undefined) break;
    const { key, value, headers } = record;
    const own = part !== undefined && next === first ? [[KEY_HEADER, part] as const] : [];
    const encoded = encodeHeaders([...own, ...headers]);
    const isAppended =
      value === null
        ? builder.appendNull(nowMs, encoded, key)
        : builder.append(value, 0, value.length, nowMs, encoded, key);
    if (!isAppended) break;
  }
  return { batch: builder.finish(), next };
}

async function untilReady(writer: PartitionWriter, waitMs: number): Promise<void> {
  if (!writer.saturated) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const refusal = new SpillwayError('UNAVAILABLE', 'The queue is slower than what comes in; send this again.', {
      retryAfterS: TOPIC_LIMITS.retryS,
    });
    timer = setTimeout(() => reject(refusal), waitMs);
  });
  await Promise.race([writer.drained(), late]).finally(() => clearTimeout(timer));
}
