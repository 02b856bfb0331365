/** What a writer and a reader make of answers that a broker gives only when something has gone wrong. */
import { Writer } from '@platformatic/kafka';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Logger } from '../../lib/log.ts';
import { createLog } from '../../lib/log.ts';
import { offset } from '../port.ts';
import { values } from '../test-records.ts';
import { Cluster } from './cluster.ts';
import { KafkaMetrics } from './metrics.ts';
import { KafkaReader } from './partition-reader.ts';
import { KafkaWriter } from './partition-writer.ts';
import { describeProducers, fetchBytes, listOffsets, produceBatch } from './protocol.ts';
import { FakeBroker } from './testing/fake-broker.ts';
import { fetchedFrom, listedOffset, ofPartition } from './testing/partition-answers.ts';

const ID = '00000000-0000-0000-0000-000000000001';
const at = { topic: 'raw', partition: 0 };
const OUT_OF_RANGE = 1;
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

function openWriter(log: Logger = quiet): KafkaWriter {
  return new KafkaWriter({
    at,
    as: at,
    cluster,
    log,
    metrics: new KafkaMetrics().forWriter(at),
    producer: { id: 7n, epoch: 0 },
    endOffset: 0,
    isShared: true,
    renew: (producer) => Promise.resolve(producer),
    onClose: () => {},
  });
}

const appendedAt = (baseOffset: number) =>
  ofPartition(
    (topics) => topics.appendString('raw'),
    (partition) => {
      partition.appendInt16(0).appendInt64(BigInt(baseOffset)).appendInt64(-1n).appendInt64(0n);
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
  const sent: [producer: bigint, sequence: number][] = [];
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
    const batch = question.buffer.slice(question.buffer.length - values('a', 'b').length - 3);
    sent.push([batch.readBigInt64BE(43), batch.readInt32BE(53)]);
    return appendedAt(9);
  });
  const writer = openWriter();
  // Sequences begin again after 2^31 - 1; of two records before that and these two it has all.
  expect(await writer.goOnFrom({ producerId: '6', epoch: 0, sequence: 2 ** 31 - 2 })).toBe(4);
  await writer.append(values('a', 'b'));
  await writer.beginAnew();
  await writer.append(values('a', 'b'));
  expect(sent).toEqual([
    [6n, 2],
    [7n, 0],
  ]);
  await writer.close();
});

it('a reader that is beyond the end of its partition says that records were lost, once', async () => {
  broker.answer(fetchBytes, () => fetchedFrom(ID, { errorCode: OUT_OF_RANGE, endOffset: -1 }));
  broker.answer(listOffsets, () => listedOffset('raw', 5));
  const said: string[] = [];
  const log = Object.assign(Object.create(quiet), { error: (_: object, text: string) => void said.push(text) });
  const silent = { onCorrupt: () => {}, onLost: () => {}, onClose: () => {}, onFetched: () => {} };
  const options = { at, as: at, cluster, log, aheadBytes: () => 0, ...silent };
  const reader = new KafkaReader(options);
  expect(await reader.read(offset(9))).toMatchObject({ batches: [], endOffset: 5 });
  await reader.read(offset(9));
  expect(said).toEqual([expect.stringContaining('Kafka has lost records of raw/0: it ends at 5')]);
  await reader.close();
});
