/** The supervisor's part where the queue is Kafka. */
import type { Config } from '../config/schema.ts';
import { COLLECTORS, GROUPS, TOPICS } from '../event/topics.ts';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { SUPERVISOR_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { type Catalogue, emptyCatalogue } from '../queue/created/catalogue.ts';
import type { KafkaQueue } from '../queue/kafka/queue.ts';
import type { GrowingQueue } from '../queue/kafka/queue-options.ts';
import { groupStatesOf, topicStatesOf } from '../queue/kafka/state.ts';
import { warnOfOneReplica } from '../queue/kafka/topics.ts';
import { unlessSilent } from '../queue/kafka/unless-silent.ts';
import { Arrival } from '../queue/late/arrival.ts';
import type { GroupState, TopicState } from '../queue/port.ts';
import { lookAtTopics, newKafkaQueue, topicIdsOf } from './configured-kafka.ts';
import { assertGone, goOnWith, topicsToLeave, UNKNOWN_SITE } from './gone-topics.ts';
import { isKnownHere } from './kafka-queue.ts';
import type { RoleName } from './messages.ts';
import { assertNotEmbedded, bindToTopics, knownTopics } from './queue-binding.ts';
import type { Handled, QueueCoordinator } from './queue-coordinator.ts';
import { raiseTogether } from './topics.ts';

/** Kafka coordinates by itself: the supervisor makes the topics once, removes what is old, and answers questions. */
export class KafkaCoordinator implements QueueCoordinator {
  readonly #queue: KafkaQueue;
  readonly #arrival: Arrival;
  readonly #timer: NodeJS.Timeout;
  #isClosed = false;

  private constructor(queue: KafkaQueue, arrival: Arrival, log: Logger) {
    this.#queue = queue;
    this.#arrival = arrival;
    this.#timer = setInterval(() => {
      if (!arrival.isThere) return;
      queue.retain().catch((error: unknown) => {
        // A queue that is closed meanwhile does it after the next start.
        if (!this.#isClosed && !isAway(error))
          log.error({ reason: messageOf(error) }, 'old records could not be removed');
      });
    }, SUPERVISOR_LIMITS.retainMs);
  }

  /** Throws QUEUE_UNREACHABLE where Kafka is away and nothing is known of it yet, and what it cannot be used for. */
  static async open(config: Config, roles: readonly RoleName[], log: Logger): Promise<KafkaCoordinator> {
    await assertNotEmbedded(config);
    // Each role has a queue of its own: it is said once, here.
    warnOfOneReplica(config.queue, log);
    const leaving = await topicsToLeave(config);
    if (leaving !== undefined) {
      const gone = await assertGone(config, leaving, (looked) => lookAtTopics(config, log, looked));
      log.warn(
        { gone: gone.topics, prefix: config.queue.prefix },
        'the topics of this data folder are gone: it goes on with others',
      );
      if (gone.site === undefined) log.warn({ site: config.site }, UNKNOWN_SITE);
    }
    const isKnown = leaving === undefined && (await isKnownHere(config, roles.includes('collector')));
    const mayGrow = (growing: GrowingQueue) => mayAddPartitions(growing, config, log);
    const known = leaving === undefined ? await knownTopics(config) : undefined;
    const mayNameSite = roles.includes('processor');
    const queue = newKafkaQueue({ config, clientId: `${config.site}-supervisor`, log, mayNameSite, mayGrow, known });
    try {
      const arrival = await Arrival.begin({
        arrive: async () => {
          await queue.prepare();
          await raiseTogether(queue, queue.partitionCount(TOPICS.raw));
          const ids = topicIdsOf(queue);
          if (leaving === undefined) await bindToTopics(config, ids, queue.record.state.site);
          else await goOnWith(config, ids, leaving, (topic) => queue.partitionCount(topic));
        },
        probe: () => queue.probe(),
        mayWait: ({ code }) => isKnown && code === 'QUEUE_UNREACHABLE',
        log,
      });
      return new KafkaCoordinator(queue, arrival, log);
    } catch (thrown) {
      await queue.close();
      throw isAway(thrown) ? unknownYet(config, thrown) : thrown;
    }
  }

  listen(): void {}

  layouts(): Readonly<Record<string, never>> {
    return {};
  }

  /** Roles read it themselves. */
  catalogue(): Catalogue {
    return emptyCatalogue();
  }

  marks(): readonly never[] {
    return [];
  }

  setMarks(): void {}

  roleEnded(): void {}

  async handle(_from: RoleName, request: Handled): Promise<unknown> {
    if (request.do === 'topics') return this.topics(request.only);
    if (request.do === 'groups') return this.groups();
    if (request.do === 'addPartitions') return this.#addPartitions(request.partitions);
    throw new SpillwayError('INTERNAL', `The queue is Kafka: nobody here answers '${request.do}'.`);
  }

  async topics(only?: string): Promise<readonly TopicState[]> {
    this.#arrival.assertThere();
    return unlessSilent(this.#queue.cluster, 'asking for the topics', this.#topics(only));
  }

  async groups(): Promise<readonly GroupState[]> {
    this.#arrival.assertThere();
    return unlessSilent(this.#queue.cluster, 'asking how far groups have come', this.#groups());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    const ended = this.#arrival.close();
    await this.#queue.close();
    await ended;
  }

  async #topics(only: string | undefined): Promise<readonly TopicState[]> {
    await this.#queue.created.refresh();
    return topicStatesOf(this.#queue, only);
  }

  async #groups(): Promise<readonly GroupState[]> {
    await this.#queue.created.refresh();
    const { topics, groups } = this.#queue.created.catalogue;
    const living = Object.entries(groups).map(([group, known]) => {
      return [group, known.topics.filter((topic) => topics[topic]?.isDeleting === false)] as const;
    });
    return groupStatesOf(this.#queue, {
      ...Object.fromEntries(living),
      [GROUPS.processor]: [TOPICS.raw],
      [GROUPS.store]: [TOPICS.events],
    });
  }

  /** To `raw` and `events` together; how many they have then. */
  async #addPartitions(partitions: number): Promise<number> {
    this.#arrival.assertThere();
    await this.#queue.refreshLayouts();
    const known = this.#queue.partitionCount(TOPICS.raw);
    if (partitions < known) {
      throw new SpillwayError('BAD_REQUEST', `There are ${known} partitions already, and none is ever removed.`);
    }
    const unknown = partitions === known ? 0 : await unknownCollectors(this.#queue);
    if (unknown > 0) {
      throw new SpillwayError(
        'BAD_REQUEST',
        `${unknown} of the collectors that run are just starting, or of an earlier version, which does not know how sources ` +
          'are moved together with others. Try again in a moment; those of an earlier version have to be stopped before. ' +
          '(One that was killed counts for a minute.)',
        { details: { collectors: unknown } },
      );
    }
    await raiseTogether(this.#queue, partitions);
    return this.#queue.partitionCount(TOPICS.raw);
  }
}

/** Sources move to added partitions, and their order is kept where all who may append know of each other. */
async function mayAddPartitions(queue: GrowingQueue, config: Config, log: Logger): Promise<boolean> {
  // Dead letters may lack partitions that an earlier version did not need.
  if (queue.partitionCount(TOPICS.raw) >= config.queue.partitions) return true;
  const unknown = await unknownCollectors(queue);
  if (unknown === 0) return true;
  log.warn(
    { configured: config.queue.partitions, collectors: unknown },
    'queue.partitions is more than there are, and none are added now: collectors are just starting, or of an earlier ' +
      'version. Partitions are added by the next start with this setting, or by spillway topics add-partitions',
  );
  return false;
}

/** How many collectors run that have not said by what they append (queue/kafka/moves.ts). */
async function unknownCollectors(queue: GrowingQueue): Promise<number> {
  return Math.max(0, (await queue.memberCount(COLLECTORS)) - queue.appenderCount);
}

/** That is said by the queue itself, for as long as it lasts. */
function isAway(thrown: unknown): thrown is SpillwayError {
  return thrown instanceof SpillwayError && thrown.code === 'QUEUE_UNREACHABLE';
}

function unknownYet({ data }: Config, cause: SpillwayError): SpillwayError {
  return new SpillwayError(
    'QUEUE_UNREACHABLE',
    `${cause.message} The data folder ${data} has not been started on this queue before, so nothing is known of its ` +
      'partitions: the first start needs Kafka, later ones do not.',
    { cause, details: cause.details },
  );
}
