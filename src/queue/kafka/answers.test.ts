/** What a writer and a reader make of answers that a broker gives only when something has gone wrong. */
import { type Reader, Writer } from '@platformatic/kafka';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SpillwayError } from '../../lib/errors.ts';
import { createLog } from '../../lib/log.ts';
import { offset } from '../port.ts';
import { values } from '../test-records.ts';
import { Cluster } from './cluster.ts';
import { KafkaMetrics } from './metrics.ts';
import { KafkaReader } from './partition-reader.ts';
import { KafkaWriter } from './partition-writer.ts';
import type { Producer } from './producer.ts';
import { describeProducers, fetchBytes, listOffsets, produceBatch } from './protocol.ts';
import { FakeBroker } from './testing/fake-broker.ts';
import { fetchedFrom, listedOffset, ofPartition } from './testing/partition-answers.ts';
import type { WriterOptions } from './writer-options.ts';

const ID = '00000000-0000-0000-0000-000000000001';
const at = { topic: 'raw', partition: 0 };
const OUT_OF_RANGE = 1;
/** UNKNOWN_PRODUCER_ID. */
const FORGOTTEN = 59;
const quiet = createLog('test', 'fatal');

let broker: FakeBroker;
let cluster: Cluster;
beforeEach(async () => {
  broker = await FakeBroker.start();
  broker.topics.set('raw', { id: ID, partitions: 1 });
  cluster = new Cluster({ brokers: [broker.address], clientId: 'test' });
  cluster.follow(['raw']);
});
afterEach(async () => {
  await cluster.close();
  await broker.close();
});

function openWriter(options: Partial<WriterOptions> = {}): KafkaWriter {
  return new KafkaWriter({
    at,
    as: at,
    cluster,
    log: quiet,
    trouble: { failed: () => {}, passed: () => {}, forget: () => {} },
    metrics: new KafkaMetrics().forWriter(at),
    producer: { id: 7n, epoch: 0 },
    endOffset: 0,
    isShared: true,
    renew: (producer) => Promise.resolve(producer),
    onClose: () => {},
    ...options,
  });
}

/** Where a batch with two records is in a request, and by whom. */
function producerOf(question: Reader): [producer: bigint, epoch: number, sequence: number] {
  const batch = question.buffer.slice(question.buffer.length - values('a', 'b').length - 3);
  return [batch.readBigInt64BE(43), batch.readInt16BE(51), batch.readInt32BE(53)];
}

const appendedAt = (baseOffset: number, errorCode = 0) =>
  ofPartition(
    (topics) => topics.appendString('raw'),
    (partition) => {
      partition.appendInt16(errorCode).appendInt64(BigInt(baseOffset)).appendInt64(-1n).appendInt64(0n);
      return partition.appendArray([], () => {}).appendString(null);
    },
  )
    .appendInt32(0)
    .appendTaggedFields();

it('an append is not acknowledged by an answer that says nothing of it: it is sent again', async () => {
  const nothing = () =>
    Writer.create()
      .appendArray([], () => {})
      .appendInt32(0)
      .appendTaggedFields();
  broker.answer(produceBatch, () => (broker.timesAsked(produceBatch) === 1 ? nothing() : appendedAt(41)));
  const writer = openWriter();
  expect(await writer.append(values('a'))).toEqual({ baseOffset: 41, nextOffset: 42 });
  expect(broker.timesAsked(produceBatch)).toBe(2);
  await writer.close();
});

it('a writer goes on with the sequences of one before it, behind what Kafka has of them', async () => {
  const sent: unknown[] = [];
  broker.answer(describeProducers, () =>
    Writer.create()
      .appendInt32(0)
      .appendArray([0], (topics) => {
        topics.appendString('raw').appendArray([0], (partitions) => {
          partitions
            .appendInt32(0)
            .appendInt16(0)
            .appendString(null)
            .appendArray([5, 6], (producers, id) => {
              producers.appendInt64(BigInt(id)).appendInt32(0).appendInt32(1).appendInt64(0n).appendInt32(-1);
              producers.appendInt64(-1n);
            });
        });
      })
      .appendTaggedFields(),
  );
  broker.answer(produceBatch, (question) => {
    sent.push(producerOf(question));
    return appendedAt(9);
  });
  const writer = openWriter();
  // Sequences begin again after 2^31 - 1; of two records before that and these two it has all.
  expect(await writer.goOnFrom({ producerId: '6', epoch: 0, sequence: 2 ** 31 - 2 })).toBe(4);
  await writer.append(values('a', 'b'));
  await writer.beginAnew();
  await writer.append(values('a', 'b'));
  expect(sent).toEqual([
    [6n, 0, 2],
    [7n, 0, 0],
  ]);
  await writer.close();
});

it('what is under way when a writer is renewed keeps its epoch, also where it is sent again; what comes after begins anew', async () => {
  const sent: unknown[] = [];
  broker.answer(produceBatch, (question) => {
    sent.push(producerOf(question));
    return sent.length === 1 ? undefined : appendedAt(2 * sent.length);
  });
  const writer = openWriter({ isShared: false, renew: async ({ id, epoch }) => ({ id, epoch: epoch + 1 }) });
  const appends = [writer.append(values('a', 'b'))];
  await expect.poll(() => sent.length).toBe(1);
  await writer.renew();
  appends.push(writer.append(values('a', 'b')));
  broker.cut();
  await Promise.all(appends);
  await writer.append(values('a', 'b'));
  expect(sent).toEqual([
    [7n, 0, 0],
    [7n, 0, 0],
    [7n, 1, 0],
    [7n, 1, 2],
  ]);
  await writer.close();
});

it('a renewal that was answered late does not begin the sequences of its epoch again', async () => {
  const sent: unknown[] = [];
  broker.answer(produceBatch, (question) => {
    sent.push(producerOf(question));
    return sent.length === 1 ? appendedAt(-1, FORGOTTEN) : appendedAt(2 * sent.length);
  });
  // The coordinator gives whoever asks again by the last epoch the same one.
  const next = { id: 7n, epoch: 1 };
  const late = Promise.withResolvers<Producer>();
  let asked = 0;
  const writer = openWriter({ isShared: false, renew: async () => (asked++ === 0 ? late.promise : next) });
  const renewed = writer.renew();
  await writer.append(values('a', 'b'));
  late.resolve(next);
  await renewed;
  await writer.append(values('a', 'b'));
  expect(sent).toEqual([
    [7n, 0, 0],
    [7n, 1, 0],
    [7n, 1, 2],
  ]);
  await writer.close();
});

it('a writer that cannot be renewed because somebody else has its partition appends nothing more, and goes on where nobody answers', async () => {
  broker.answer(produceBatch, () => appendedAt(41));
  const failures = [
    new SpillwayError('QUEUE_UNREACHABLE', 'nobody answers'),
    new SpillwayError('QUEUE_FENCED', 'another owner has taken over'),
  ];
  const writer = openWriter({ isShared: false, renew: () => Promise.reject(failures.shift()) });
  await writer.renew();
  await writer.append(values('a'));
  await writer.renew();
  await expect(writer.append(values('b'))).rejects.toMatchObject({ code: 'QUEUE_FENCED' });
  expect(broker.timesAsked(produceBatch)).toBe(1);
  await writer.close();
});

/** A reader whose partition ends where `end` says, and what it has said. */
function readerUpTo(end: () => number, isChosen?: boolean) {
  broker.answer(fetchBytes, () => fetchedFrom(ID, { errorCode: OUT_OF_RANGE, endOffset: -1 }));
  broker.answer(listOffsets, () => listedOffset('raw', end()));
  const said: string[] = [];
  const log = Object.assign(Object.create(quiet), { error: (_: object, text: string) => void said.push(text) });
  const silent = { onCorrupt: () => {}, onLost: () => {}, onClose: () => {}, onFetched: () => {} };
  const how = isChosen === undefined ? {} : { isChosen };
  return { reader: new KafkaReader({ at, as: at, cluster, log, aheadBytes: () => 0, ...silent, ...how }), said };
}

it('a reader that is beyond the end of its partition says that records were lost, once', async () => {
  const { reader, said } = readerUpTo(() => 5);
  expect(await reader.read(offset(9))).toMatchObject({ batches: [], endOffset: 5 });
  await reader.read(offset(9));
  expect(said).toEqual([expect.stringContaining('Kafka has lost records of raw/0: it ends at 5')]);
  await reader.close();
});

it('an offset that a caller chose beyond the end is no loss, unless the partition has been seen to reach it', async () => {
  let end = 5;
  const { reader, said } = readerUpTo(() => end, true);
  expect(await reader.read(offset(9))).toMatchObject({ batches: [], endOffset: 5 });
  expect(said).toEqual([]);
  end = 9;
  await reader.read(offset(9));
  end = 7;
  await reader.read(offset(9));
  expect(said).toEqual([expect.stringContaining('Kafka has lost records of raw/0: it ends at 7')]);
  await reader.close();
});
