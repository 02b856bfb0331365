/**
 * Topics are the same as before, or nobody goes on. A topic that somebody removed and made again begins at offset 0:
 * readers would pass over its first records without a word, and its events would get the ids of earlier ones. Kafka
 * gives each topic an id of its own; the control topic keeps the ids of ours, and the cluster is asked again and again.
 */
import { SpillwayError } from '../../lib/errors.ts';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { topicGone } from './broker-errors.ts';
import { type Cluster, NoLeader } from './cluster.ts';
import type { KnownTopics } from './queue-options.ts';

/** Throws QUEUE_TOPIC_INVALID where one that was there is gone. `ids`: by Kafka's name, as they are known. */
export async function assertNoneGone(cluster: Cluster, ids: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, id] of ids) cluster.pin(name, id);
  const [gone] = await missingOf(cluster, [...ids.keys()]);
  if (gone !== undefined) throw topicGone(gone);
  for (const name of ids.keys()) cluster.assertSame(name);
}

/**
 * Throws where the topics that the cluster has are not those that are known. They are looked at as one answer gave
 * them; so from then on all that it named is meant, and none of these names is taken for a topic of another cluster.
 */
export async function assertKnown(
  cluster: Cluster,
  { ids, refusal }: KnownTopics,
  names: { readonly all: readonly string[]; readonly control: string },
): Promise<void> {
  const known = Object.keys(ids);
  await missingOf(cluster, [...known, names.control]);
  for (const name of [...known, names.control]) cluster.assertMayKnow(name);
  const there = known.filter((name) => cluster.topic(name)?.id === ids[name]);
  const replaced = known.filter((name) => !there.includes(name) && cluster.topic(name) !== undefined);
  if (there.length === 0 || replaced.length > 0) {
    throw refusal(known.filter((name) => !there.includes(name)));
  }
  for (const name of names.all) {
    if (cluster.topic(name) !== undefined) cluster.pin(name, cluster.idOf(name));
  }
  for (const [name, id] of Object.entries(ids)) cluster.pin(name, id);
  // It was there when these ids were noted, and says how the others came to their partitions.
  if (cluster.topic(names.control) === undefined) throw topicGone(names.control);
}

/** Those of them that are not there, also after a while. */
export async function missingOf(
  cluster: Pick<Cluster, 'topic' | 'refresh' | 'persist'>,
  names: readonly string[],
  forMs: number = KAFKA_LIMITS.missingTopicMs,
): Promise<readonly string[]> {
  const missing = () => names.filter((name) => cluster.topic(name) === undefined);
  if (missing().length === 0) return [];
  // A broker that has only just started may not know all of them yet.
  const options = { doing: 'waiting for the topics', forMs };
  const found = async () => {
    await cluster.refresh();
    if (missing().length > 0) throw new NoLeader(`${missing()[0]} is not there`);
  };
  await cluster.persist(options, found).catch((thrown: unknown) => {
    if (!(thrown instanceof SpillwayError) || thrown.code !== 'QUEUE_UNREACHABLE') throw thrown;
  });
  return missing();
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
