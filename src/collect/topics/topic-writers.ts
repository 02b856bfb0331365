/**
 * The writers of the topics that users create. The collector owns all their partitions, as it owns `raw`: they are
 * taken over at the start, a few at a time behind the inputs that are more urgent, and on the first use of one before
 * its turn. Whoever reads a partition waits for that as well: only then it is known where it ends.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { TOPIC_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { type CreatedTopic, livingTopic } from '../../queue/created/catalogue.ts';
import type { TopicAdmin } from '../../queue/created/topic-admin.ts';
import type { PartitionWriter, Queue, TopicPartition } from '../../queue/port.ts';

export interface TopicWritersOptions {
  readonly queue: Queue;
  readonly admin: TopicAdmin;
  readonly log: Logger;
  /** A partition was taken over, and ends at its `nextOffset`. Resolves when whatever it says of itself was read. */
  readonly onOpened: (writer: PartitionWriter) => Promise<void>;
}

interface OpenPartition {
  readonly writer: PartitionWriter;
  /** See `onOpened`; what failed is tried again. */
  readonly recalled: () => Promise<void>;
}

interface OpenTopic {
  readonly createdMs: number;
  readonly partitions: Map<number, Promise<OpenPartition>>;
}

export class TopicWriters {
  readonly #options: TopicWritersOptions;
  readonly #topics = new Map<string, OpenTopic>();
  /** Of deleted topics, while they close. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #ignore: () => void;
  #isClosed = false;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #opening: Promise<void> = Promise.resolve();

  constructor(options: TopicWritersOptions) {
    this.#options = options;
    this.#ignore = options.admin.onChange(() => this.#closeDeleted());
  }

  /** Takes over what there is, and finishes deletions that were broken off; it goes on in the background. */
  begin(): void {
    const { known } = this.#options.admin;
    if (known === undefined) this.#opening = this.#openAll();
    else {
      void known.then(() => {
        if (!this.#isClosed) this.#opening = this.#openAll();
      });
    }
  }

  /** By its name in the queue. Throws NOT_FOUND. */
  async topic(name: string): Promise<CreatedTopic> {
    const { admin } = this.#options;
    const known = admin.catalogue.topics[name];
    // Another collector may just have created it.
    if ((known === undefined || known.isDeleting) && performance.now() - this.#lookedMs > TOPIC_LIMITS.lookAgainMs) {
      this.#lookedMs = performance.now();
      await admin.refresh();
    }
    return livingTopic(admin.catalogue.topics, name);
  }

  /** Not more often than so; whoever comes meanwhile waits for the same. */
  async #lookAgain(name: string): Promise<CreatedTopic> {
    const { admin } = this.#options;
    this.#looking ??= (async () => {
      await delay(Math.max(0, this.#lookedMs + TOPIC_LIMITS.lookAgainMs - performance.now()));
      this.#lookedMs = performance.now();
      await admin.refresh();
    })().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
    return livingTopic(admin.catalogue.topics, name);
  }

  /** Throws NOT_FOUND, and what a partition cannot be taken over for. */
  async open({ topic: name, partition }: TopicPartition): Promise<OpenPartition> {
    let { partitions, createdMs } = await this.topic(name);
    // Another collector may just have added it.
    if (partition >= partitions) ({ partitions, createdMs } = await this.#lookAgain(name));
    if (this.#isClosed) {
      throw new SpillwayError('UNAVAILABLE', 'This collector is stopping.', { retryAfterS: TOPIC_LIMITS.retryS });
    }
    if (partition >= partitions) {
      throw new SpillwayError('NOT_FOUND', `There is no partition ${partition}: the topic has ${partitions}, from 0.`, {
        details: { partition, partitions },
      });
    }
    await this.#closing.get(name);
    const topic = this.#topics.get(name) ?? { createdMs, partitions: new Map() };
    this.#topics.set(name, topic);
    const known = topic.partitions.get(partition);
    if (known !== undefined) return known;
    const opening = this.#open({ topic: name, partition });
    topic.partitions.set(partition, opening);
    opening.catch(() => {
      if (topic.partitions.get(partition) === opening) topic.partitions.delete(partition);
    });
    return opening;
  }

  /** Resolves when nobody here writes the topic any more; it is being deleted. */
  async closed(name: string): Promise<void> {
    this.#closeDeleted();
    await this.#closing.get(name);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#ignore();
    await this.#opening;
    for (const name of [...this.#topics.keys()]) this.#closeTopic(name);
    await Promise.all(this.#closing.values());
  }

  async #open(at: TopicPartition): Promise<OpenPartition> {
    const { queue, onOpened } = this.#options;
    const writer = await queue.openWriter(at);
    let recalling: Promise<void> | undefined;
    const recalled = (): Promise<void> => {
      recalling ??= onOpened(writer).catch((thrown: unknown) => {
        recalling = undefined;
        throw thrown;
      });
      return recalling;
    };
    return { writer, recalled };
  }

  async #openAll(): Promise<void> {
    const { admin, log } = this.#options;
    await this.#finishAdditions();
    const all = Object.entries(admin.catalogue.topics).flatMap(([topic, { partitions, isDeleting }]) => {
      if (isDeleting) return [];
      return Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
    });
    const next = all.values();
    const work = async (): Promise<void> => {
      for (const at of next) {
        if (this.#isClosed) return;
        try {
          await (await this.open(at)).recalled();
        } catch (thrown) {
          // Its first use tries again.
          log.warn({ ...at, reason: messageOf(thrown) }, 'a partition of a topic could not be taken over');
        }
      }
    };
    await Promise.all(Array.from({ length: TOPIC_LIMITS.openedAtOnce }, work));
    for (const [name, { isDeleting }] of Object.entries(admin.catalogue.topics)) {
      if (isDeleting && !this.#isClosed) {
        await admin.endDeletion(name).catch((thrown: unknown) => {
          log.warn({ topic: name, reason: messageOf(thrown) }, 'a topic could not be deleted to its end');
        });
      }
    }
  }

  /** Of partitions, which a crash has cut in two. */
  async #finishAdditions(): Promise<void> {
    const { admin, log } = this.#options;
    for (const [name, { partitions, firstPartitions, isDeleting }] of Object.entries(admin.catalogue.topics)) {
      if (firstPartitions === undefined || isDeleting || this.#isClosed) continue;
      await admin.changeTopic(name, { partitions }).catch((thrown: unknown) => {
        log.warn({ topic: name, reason: messageOf(thrown) }, 'partitions of a topic could not be added to their end');
      });
    }
  }

  #closeDeleted(): void {
    const { topics } = this.#options.admin.catalogue;
    for (const [name, { createdMs }] of this.#topics) {
      const known = topics[name];
      if (known === undefined || known.isDeleting || known.createdMs !== createdMs) this.#closeTopic(name);
    }
  }

  #closeTopic(name: string): void {
    const topic = this.#topics.get(name);
    if (topic === undefined) return;
    this.#topics.delete(name);
    const closing = Promise.allSettled(
      [...topic.partitions.values()].map(async (opening) => {
        const { writer, recalled } = await opening;
        await recalled().catch(() => undefined);
        await writer.close();
      }),
    ).then(() => {
      if (this.#closing.get(name) === closing) this.#closing.delete(name);
    });
    this.#closing.set(name, closing);
  }
}
