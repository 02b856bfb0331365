/** Whether Kafka takes what a writer appends, and since when not: said in the log once for each trouble, and in the figures. */
import type { Logger } from '../../lib/log.ts';
import { placeOf } from '../place.ts';
import type { TopicPartition } from '../port.ts';
import { reasonOf, type Verdict, verdictOn } from './broker-errors.ts';
import type { WriterMetrics } from './metrics.ts';

export class AppendTrouble {
  readonly #at: TopicPartition;
  readonly #log: Logger;
  readonly #metrics: Pick<WriterMetrics, 'trouble'>;
  #now: { readonly sinceMs: number; readonly verdict: Verdict; readonly text: string } | undefined;

  constructor(at: TopicPartition, log: Logger, metrics: Pick<WriterMetrics, 'trouble'>) {
    this.#at = at;
    this.#log = log;
    this.#metrics = metrics;
  }

  get isOver(): boolean {
    return this.#now === undefined;
  }

  /** For people. */
  get text(): string | undefined {
    return this.#now?.text;
  }

  /** Said again where it is another trouble now, such as a login that is refused by brokers that are back. */
  begin(failure: unknown): void {
    const verdict = verdictOn(failure);
    const reason = reasonOf(failure);
    const isSaid = verdict === this.#now?.verdict;
    const sinceMs = this.#now?.sinceMs ?? performance.now();
    this.#now = { sinceMs, verdict, text: `Kafka does not take it now: ${reason}.` };
    this.#metrics.trouble(sinceMs);
    if (isSaid) return;
    const text = `Kafka does not take records for ${placeOf(this.#at)} now: ${reason}; going on trying`;
    // The others pass by themselves.
    if (verdict === 'retry') this.#log.warn({ ...this.#at, reason }, text);
    else this.#log.error({ ...this.#at, reason }, text);
  }

  /** Something was taken. */
  end(): void {
    if (this.#now === undefined) return;
    const afterMs = Math.round(performance.now() - this.#now.sinceMs);
    this.#now = undefined;
    this.#metrics.trouble(undefined);
    this.#log.info({ ...this.#at, afterMs }, `Kafka takes records for ${placeOf(this.#at)} again`);
  }
}
