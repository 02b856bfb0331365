/**
 * Reading 300-byte records back from one partition of Kafka, every record looked at, beside Kafka's own
 * ConsumerPerformance and beside the consumer of the library that we use the connections of.
 */
import { Consumer } from '@platformatic/kafka';
import { RecordCursor } from '../src/event/record-batch.ts';
import { offset, type Queue } from '../src/queue/port.ts';
import type { Bench } from './harness.ts';
import { compared, javaConsume, withKafka } from './load/kafka.ts';
import { appendWhile } from './load/queue-log.ts';

const AT = { topic: 'raw', partition: 0 };

export const run: Bench = async ({ quick, rounds = quick ? 1 : 3 }) =>
  withKafka({ apart: true }, async (kafka) => {
    const { queue, topic } = await kafka.fresh();
    const writer = await queue.openWriter(AT);
    await appendWhile(writer, () => writer.nextOffset < (quick ? 20_000 : 2_000_000));
    const records = writer.nextOffset;
    let group = 0;
    return compared(rounds, {
      own: () => ownConsume(queue, records),
      java: () => javaConsume(kafka.broker, topic, records),
      library: () => libraryConsume(kafka.broker, topic, records, `bench-${group++}`),
      javaName: "Kafka's ConsumerPerformance, without the time to join",
      libraryName: "the library's own consumer, record by record",
      notes: [
        'One broker, one partition; the broker has one processor, the client the other; what is read is in the page cache.',
      ],
    });
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
