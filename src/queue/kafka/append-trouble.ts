/**
 * Whether Kafka takes what a writer appends, and since when not: said in the figures, and in the log. What passes by itself
 * is said of all partitions together, and else once for each trouble.
 */
import type { LastingTrouble } from '../../lib/lasting-trouble.ts';
import type { Logger } from '../../lib/log.ts';
import { placeOf } from '../place.ts';
import type { TopicPartition } from '../port.ts';
import { reasonOf, type Verdict, verdictOn } from './broker-errors.ts';
import type { WriterMetrics } from './metrics.ts';

interface AppendTroubleOptions {
  readonly at: TopicPartition;
  readonly log: Logger;
  readonly metrics: Pick<WriterMetrics, 'trouble'>;
  /** Of the whole process. */
  readonly trouble: Pick<LastingTrouble, 'failed' | 'passed' | 'forget'>;
}

export class AppendTrouble {
  readonly #options: AppendTroubleOptions;
  #now: { readonly sinceMs: number; readonly verdict: Verdict; readonly text: string } | undefined;

  constructor(options: AppendTroubleOptions) {
    this.#options = options;
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
    const { at, log, metrics, trouble } = this.#options;
    const verdict = verdictOn(failure);
    const reason = reasonOf(failure);
    const isSaid = verdict === this.#now?.verdict;
    const sinceMs = this.#now?.sinceMs ?? performance.now();
    this.#now = { sinceMs, verdict, text: `Kafka does not take it now: ${reason}.` };
    metrics.trouble(sinceMs);
    // It passes by itself.
    if (verdict === 'retry') trouble.failed(this, `appending to ${placeOf(at)}`, reason);
    else trouble.passed(this);
    if (isSaid || verdict === 'retry') return;
    log.error({ ...at, reason }, `Kafka does not take records for ${placeOf(at)} now: ${reason}; going on trying`);
  }

  /** Something was taken. */
  end(): void {
    if (this.#now === undefined) return;
    const { at, log, metrics, trouble } = this.#options;
    const { sinceMs, verdict } = this.#now;
    this.#now = undefined;
    metrics.trouble(undefined);
    trouble.passed(this);
    if (verdict === 'retry') return;
    const afterMs = Math.round(performance.now() - sinceMs);
    log.info({ ...at, afterMs }, `Kafka takes records for ${placeOf(at)} again`);
  }

  /** Nothing more is appended. */
  close(): void {
    this.#options.trouble.forget(this);
  }
}
