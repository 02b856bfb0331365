import { randomBytes } from 'node:crypto';
import { describe } from 'vitest';
import { lacksKafka, startKafka } from '../support/kafka.ts';
import { topicsContract } from './topics.contract.ts';

describe.skipIf(lacksKafka('topics over HTTP on Kafka'))('a real broker', () => {
  topicsContract('Kafka', async () => {
    const { brokers, stop } = await startKafka();
    const prefix = `topics-${randomBytes(4).toString('hex')}.`;
    return {
      queue: { engine: 'kafka', brokers, prefix, replication: 1, minInsyncReplicas: 1, partitions: 1 },
      stop,
    };
  });
});
