/** Kafka keeps what the queue promises: the same suite as the embedded log's, on a real broker. */
import { afterAll, beforeAll, describe } from 'vitest';
import type { KafkaQueue } from '../../src/queue/kafka/queue.ts';
import { queueContract } from '../../src/queue/port.contract.ts';
import { kafkaOptions, lacksKafka, openKafka, removeTopics, startKafka, type TestKafka } from '../support/kafka.ts';

describe.skipIf(lacksKafka('the contract of the queue on Kafka'))('on a broker', () => {
  let kafka: TestKafka;
  beforeAll(async () => {
    kafka = await startKafka();
  }, 180_000);
  afterAll(() => kafka.stop());

  queueContract('Kafka', async () => {
    const options = kafkaOptions(kafka.brokers);
    let queue: KafkaQueue = await openKafka(options);
    return {
      queue,
      reopen: async () => {
        await queue.close();
        queue = await openKafka(options);
        return queue;
      },
      cleanUp: async () => {
        await queue.close();
        await removeTopics(options);
      },
    };
  });
});
