/**
 * Partitions of `raw` that are added while it runs. The collector takes them over, maps sources to them, and when
 * everything that was mapped without them is settled it says where the earlier partitions ended: the barrier that
 * consumers pass before they read the new ones. A collector that died in between, or that had a partition stop, left
 * additions without a barrier; its successor takes what it recovers for that, which may be more and never less.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { TOPICS } from '../event/topics.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { orAborted } from '../lib/or-aborted.ts';
import { offset, type Queue } from '../queue/port.ts';
import type { Outlet, RawOutlets } from './outlets.ts';

export interface GrowthOptions {
  readonly queue: Queue;
  readonly raw: RawOutlets;
  /** Takes a partition over. */
  readonly open: (partition: number) => Promise<Outlet>;
  /** Where a partition durably ends. */
  readonly endOf: (partition: number) => number;
  readonly log: Logger;
  /** Between two attempts. */
  readonly retryMs: number;
}

export class Growth {
  readonly #options: GrowthOptions;
  readonly #stopping = new AbortController();
  readonly #ignore: () => void;
  #work: Promise<void>;

  constructor(options: GrowthOptions) {
    this.#options = options;
    this.#ignore = options.queue.onPartitions((topic) => {
      if (topic === TOPICS.raw) this.#work = this.#work.then(() => this.#grow());
    });
    this.#work = this.#grow();
  }

  /** Begins nothing more. Resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#ignore();
    this.#stopping.abort();
    await this.#work;
  }

  async #grow(): Promise<void> {
    const { queue, raw, open, endOf, log } = this.#options;
    const added: Outlet[] = [];
    await this.#persist('take over the added partitions', async () => {
      while (raw.all.length + added.length < queue.partitionCount(TOPICS.raw)) {
        added.push(await open(raw.all.length + added.length));
      }
    });
    if (added.length > 0) {
      const settled = raw.add(added);
      queue.mapsTo?.(TOPICS.raw, raw.all.length);
      await orAborted(settled, this.#stopping.signal);
    }
    const { unbarred } = queue.layout(TOPICS.raw);
    if (unbarred.length === 0) return;
    const stopped = raw.all.findIndex(({ sockets, requests }) => sockets.hasStopped || requests.hasStopped);
    if (stopped >= 0) {
      // What its failed sync left behind may turn out to be there, behind any end that is known now.
      log.warn(
        { partition: stopped },
        'a partition has stopped: added ones are not read before the collector starts again',
      );
      return;
    }
    const ends = raw.all.map((_, partition) => offset(endOf(partition)));
    // What a queue that was away has not got yet comes before the barrier, and may take long.
    await this.#persist('register the barrier', () =>
      orAborted(queue.registerBarrier(TOPICS.raw, ends), this.#stopping.signal),
    );
    if (!this.#stopping.signal.aborted)
      log.info({ partitions: raw.all.length, ends }, 'sources use the added partitions');
  }

  /** Again until it works, or the collector stops: the next one does it then. */
  async #persist(what: string, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        return await work();
      } catch (thrown) {
        this.#options.log.error({ error: messageOf(thrown) }, `the collector cannot ${what}; it tries again`);
        await delay(this.#options.retryMs, undefined, { signal }).catch(() => {});
      }
    }
  }
}
