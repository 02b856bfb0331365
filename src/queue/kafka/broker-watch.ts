/**
 * Which brokers have not answered for a while, and since when, for whoever asks how this process is. A role that only
 * reads and commits would say nothing of it otherwise: it waits, and goes on by itself.
 */
import type { Clock } from '../../lib/clock.ts';
import { fromTimeToTime } from '../../lib/from-time-to-time.ts';
import type { LastingTrouble } from '../../lib/lasting-trouble.ts';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import type { Cluster } from './cluster.ts';
import { silentBrokers } from './silent-brokers.ts';

type Limits = Readonly<Record<'watchMs' | 'awayAfterMs', number>>;

export interface BrokerWatchOptions {
  readonly cluster: Pick<Cluster, 'brokerAddresses' | 'askOnce' | 'brokers' | 'ended'>;
  readonly clock: Clock;
  /** Of the whole process, for its log. */
  readonly trouble: Pick<LastingTrouble, 'failed' | 'passed'>;
  readonly limits?: Limits;
}

export class BrokerWatch {
  readonly #options: BrokerWatchOptions;
  readonly #limits: Limits;
  readonly #stop: () => Promise<void>;
  /** By broker, when the first question of those was asked that it has not answered (epoch ms). */
  readonly #sinceMs = new Map<string, number>();
  #known = 0;

  constructor(options: BrokerWatchOptions) {
    this.#options = options;
    this.#limits = options.limits ?? KAFKA_LIMITS;
    // Each look is whole, whoever answers.
    this.#stop = fromTimeToTime({ everyMs: this.#limits.watchMs, work: () => this.#look(), failed: () => {} });
  }

  /** One sentence, or none where all is well. */
  troubles(): readonly string[] {
    const { clock } = this.#options;
    const away = [...this.#sinceMs].filter(([, ms]) => clock.now() - ms >= this.#limits.awayAfterMs);
    if (away.length === 0) return [];
    const since = new Date(Math.min(...away.map(([, ms]) => ms))).toISOString();
    const names = away.map(([broker]) => broker).join(', ');
    if (away.length >= this.#known) return [`Kafka does not answer, none of its brokers (${names}) since ${since}.`];
    return [`Of the ${this.#known} brokers of Kafka these do not answer: ${names}, since ${since}.`];
  }

  close(): void {
    void this.#stop();
  }

  /** Never throws. */
  async #look(): Promise<void> {
    const { cluster, clock } = this.#options;
    const askedMs = clock.now();
    this.#known = Math.max(1, cluster.brokerAddresses.length);
    // None is known where another cluster has answered under their addresses.
    const isNoneKnown = cluster.brokerAddresses.length === 0;
    const silent = isNoneKnown ? [cluster.brokers] : await silentBrokers(cluster, this.#limits.awayAfterMs);
    if (cluster.ended.aborted) return;
    for (const broker of this.#sinceMs.keys()) if (!silent.includes(broker)) this.#sinceMs.delete(broker);
    for (const broker of silent) if (!this.#sinceMs.has(broker)) this.#sinceMs.set(broker, askedMs);
    this.#tell();
  }

  #tell(): void {
    const { trouble } = this.#options;
    const [text] = this.troubles();
    if (text === undefined) trouble.passed(this);
    else trouble.failed(this, 'an answer of each broker', text);
  }
}
