/**
 * Bytes of each partition of a topic, on the broker that leads it (the largest replica of those that answer). Brokers tell
 * only who may describe the cluster; where none tells, nothing is removed for its size, which is said once.
 */
import type { Logger } from '../../lib/log.ts';
import type { Cluster } from './cluster.ts';
import { describeLogDirs } from './protocol.ts';

export class LogSizes {
  readonly #cluster: Pick<Cluster, 'topic' | 'askEach'>;
  readonly #log: Logger;
  #isTold = true;

  constructor(cluster: Pick<Cluster, 'topic' | 'askEach'>, log: Logger) {
    this.#cluster = cluster;
    this.#log = log;
  }

  async of(topic: string): Promise<Map<number, number>> {
    const partitions = (this.#cluster.topic(topic)?.leaders ?? []).map((_, partition) => partition);
    const sizes = new Map<number, number>();
    const answers = await this.#cluster.askEach({ doing: `asking for the size of ${topic}` }, describeLogDirs, [
      { name: topic, partitions },
    ]);
    for (const { results } of answers) {
      for (const { partitionIndex, partitionSize } of results.flatMap(({ topics }) =>
        topics.flatMap((found) => found.partitions),
      )) {
        sizes.set(partitionIndex, Math.max(sizes.get(partitionIndex) ?? 0, Number(partitionSize)));
      }
    }
    this.#note(answers.length > 0);
    return sizes;
  }

  #note(isTold: boolean): void {
    if (isTold === this.#isTold) return;
    this.#isTold = isTold;
    if (isTold) this.#log.info('Kafka says again how large topics are');
    else
      this.#log.warn(
        'No broker of Kafka says how large topics are: nothing is removed by queue.maxSize meanwhile, and sizes are shown as 0. The user needs Describe on the cluster; spillway doctor says whether it has that.',
      );
  }
}
