/** A peer of collect-tcp: a Kafka broker of its own, loaded by Kafka's own producer test (acks=all, batches of 64 KiB). */

import { kafkaTool } from '../../tools/engines/kafka.ts';
import { down, up } from '../../tools/engines/lifecycle.ts';
import { withFolder } from './queue-log.ts';

export interface KafkaRun {
  /** Synced before it is acknowledged; else whenever the system likes. */
  readonly syncs: boolean;
  readonly messages: number;
  readonly messageBytes: number;
  readonly partitions: number;
}

/** Records acknowledged a second, starting from a cold virtual machine as the test does. */
export function runKafka({ syncs, messages, messageBytes, partitions }: KafkaRun): Promise<number> {
  return withFolder(async (data) => {
    try {
      const settings = syncs ? { 'log.flush.interval.messages': '1' } : {};
      const [broker] = await up('kafka', { data, settings });
      const server = broker?.address ?? '';
      const create = ['--create', '--topic', 'bench', '--partitions', String(partitions)];
      await kafkaTool('org.apache.kafka.tools.TopicCommand', ['--bootstrap-server', server, ...create]);
      const size = ['--num-records', String(messages), '--record-size', String(messageBytes), '--throughput', '-1'];
      const client = [`bootstrap.servers=${server}`, 'acks=all', 'batch.size=65536', 'linger.ms=5'];
      const args = ['--topic', 'bench', ...size, '--command-property', ...client];
      const { stdout } = await kafkaTool('org.apache.kafka.tools.ProducerPerformance', args, '512m');
      return rateIn(stdout);
    } finally {
      await down('kafka', { data });
    }
  });
}

function rateIn(output: string): number {
  const rate = /([\d.]+) records\/sec/.exec(output.trim().split('\n').at(-1) ?? '')?.[1];
  if (rate === undefined) throw new Error(`Kafka's producer test said no rate:\n${output}`);
  return Math.round(Number(rate));
}
