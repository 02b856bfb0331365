/**
 * Reading 300-byte records back from one partition of Kafka, every record looked at, beside Kafka's own
 * ConsumerPerformance and beside the consumer of the library that we use the connections of.
 */
import { Consumer } from '@platformatic/kafka';
import { RecordCursor } from '../src/event/record-batch.ts';
import { offset, type Queue } from '../src/queue/port.ts';
import { type Bench, hundredths, inTurns, median } from './harness.ts';
import { javaConsume, withKafka } from './load/kafka.ts';
import { appendWhile } from './load/queue-log.ts';

const AT = { topic: 'raw', partition: 0 };
const SHARE = 0.6;

export const run: Bench = async ({ quick, rounds = quick ? 1 : 3 }) =>
  withKafka(async (kafka) => {
    const { queue, topic } = await kafka.fresh();
    const writer = await queue.openWriter(AT);
    await appendWhile(writer, () => writer.nextOffset < (quick ? 20_000 : 2_000_000));
    const records = writer.nextOffset;
    let group = 0;
    const [own = [], java = [], library = []] = await inTurns<number>(
      rounds,
      () => ownConsume(queue, records),
      () => javaConsume(kafka.broker, topic, records),
      () => libraryConsume(kafka.broker, topic, records, `bench-${group++}`),
    );
    const value = Math.round(median(own));
    const peer = Math.round(median(java));
    return {
      value,
      unit: 'records/s',
      target: Math.round(peer * SHARE),
      peer: { name: "Kafka's ConsumerPerformance, without the time to join", value: peer },
      ratio: hundredths(value / peer),
      rows: {
        "the library's own consumer, record by record": { value: Math.round(median(library)), unit: 'records/s' },
      },
      notes: ['One broker, one partition; broker and client share the machine; what is read is in the page cache.'],
    };
  });

async function ownConsume(queue: Queue, records: number): Promise<number> {
  const reader = queue.openReader(AT);
  const startedMs = performance.now();
  let seen = 0;
  let next = offset(0);
  while (seen < records) {
    const { batches, nextOffset } = await reader.read(next);
    for (const { bytes } of batches) {
      const record = new RecordCursor(bytes);
      while (record.next()) seen++;
    }
    next = nextOffset;
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  await reader.close();
  return seen / seconds;
}

/** From its first record on: joining a group is not what is measured. */
async function libraryConsume(broker: string, topic: string, records: number, groupId: string): Promise<number> {
  const consumer = new Consumer({ clientId: 'bench', groupId, bootstrapBrokers: [broker] });
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false });
  let startedMs = 0;
  let seen = 0;
  for await (const _message of stream) {
    if (seen === 0) startedMs = performance.now();
    if (++seen >= records) break;
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  await consumer.close(true);
  return seen / seconds;
}
