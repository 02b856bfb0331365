/**
 * Topics are the same as before, or nobody goes on. A topic that somebody removed and made again begins at offset 0:
 * readers would pass over its first records without a word, and its events would get the ids of earlier ones. Kafka
 * gives each topic an id of its own; the control topic keeps the ids of ours, and the cluster is asked again and again.
 */
import { SpillwayError } from '../../lib/errors.ts';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { topicGone } from './broker-errors.ts';
import type { Cluster } from './cluster.ts';

/** Throws QUEUE_TOPIC_INVALID where one that was there is gone. `ids`: by Kafka's name, as they are known. */
export async function assertNoneGone(cluster: Cluster, ids: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, id] of ids) cluster.pin(name, id);
  const missing = () => [...ids.keys()].filter((name) => cluster.topic(name) === undefined);
  if (missing().length > 0) {
    // A broker that has only just started may not know all of them yet.
    const options = { doing: 'waiting for the topics', forMs: KAFKA_LIMITS.missingTopicMs };
    await cluster
      .persist(options, () => cluster.leader({ topic: missing()[0] ?? '', partition: 0 }))
      .catch((thrown: unknown) => {
        if (!(thrown instanceof SpillwayError) || thrown.code !== 'QUEUE_UNREACHABLE') throw thrown;
      });
  }
  const [gone] = missing();
  if (gone !== undefined) throw topicGone(gone);
  for (const name of ids.keys()) cluster.assertSame(name);
}

/** Says so, once each time, where a topic is gone while it is used. */
export class MissingTopics {
  readonly #log: Logger;
  readonly #missing = new Set<string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  look(cluster: Cluster, names: readonly string[]): void {
    for (const topic of names) {
      if (cluster.topic(topic) !== undefined) this.#missing.delete(topic);
      else if (!this.#missing.has(topic)) {
        this.#missing.add(topic);
        this.#log.error(
          { topic },
          `The topic ${topic} is not there any more: nothing is appended to it or read from it`,
        );
      }
    }
  }
}
