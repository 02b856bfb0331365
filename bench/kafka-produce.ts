/**
 * Encoding and appending 300-byte records to one partition of Kafka, acknowledged by all replicas (one), beside Kafka's
 * own ProducerPerformance and beside the producer of the library that we use the connections of.
 */
import { ProduceAcks, Producer } from '@platformatic/kafka';
import type { Bench } from './harness.ts';
import { compared, javaProduce, RECORD_BYTES, withKafka } from './load/kafka.ts';
import { appendWhile } from './load/queue-log.ts';

const AT = { topic: 'raw', partition: 0 };
/** As many records as one of our batches has. */
const RECORDS_PER_SEND = 1_700;
const SENDS = 5;

export const run: Bench = async ({ quick, rounds = quick ? 1 : 3 }) =>
  withKafka({ apart: true }, async (kafka) => {
    const records = quick ? 20_000 : 1_000_000;
    return compared(rounds, {
      own: async () => {
        const { queue } = await kafka.fresh();
        const writer = await queue.openWriter(AT);
        const startedMs = performance.now();
        await appendWhile(writer, () => writer.nextOffset < records);
        return writer.nextOffset / ((performance.now() - startedMs) / 1_000);
      },
      java: async () => javaProduce(kafka.broker, (await kafka.fresh()).topic, records),
      library: async () => libraryProduce(kafka.broker, (await kafka.fresh()).topic, Math.ceil(records / 4)),
      javaName: "Kafka's ProducerPerformance, acks=all, batches of 512 KiB",
      libraryName: "the library's own producer, record by record",
      notes: [
        "One broker, one partition, one replica; the broker has one processor, the client the other. Kafka's tool fills each record with random bytes, ours are lines of one text with a header each (380 bytes in all); neither is compressed. Ours sends whole batches of 1 MiB as they were encoded.",
      ],
    });
  });

async function libraryProduce(broker: string, topic: string, records: number): Promise<number> {
  const producer = new Producer({ clientId: 'bench', bootstrapBrokers: [broker] });
  const value = Buffer.alloc(RECORD_BYTES, 'x');
  const messages = () => Array.from({ length: RECORDS_PER_SEND }, () => ({ topic, partition: 0, value }));
  let sent = 0;
  const startedMs = performance.now();
  const sender = async () => {
    while (sent < records) {
      sent += RECORDS_PER_SEND;
      await producer.send({ messages: messages(), acks: ProduceAcks.ALL });
    }
  };
  await Promise.all(Array.from({ length: SENDS }, sender));
  const seconds = (performance.now() - startedMs) / 1_000;
  await producer.close();
  return sent / seconds;
}
