/**
 * A sender that knows what it may rely on: it numbers its events, repeats each request with its Idempotency-Key until it is
 * acknowledged, and keeps the numbers of those that were. It lives in another process than what is tested.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../../src/lib/random.ts';

const RETRY_MS = 50;
/** So that all partitions are written. */
const SOURCES = 16;

export interface AcknowledgedLoadOptions {
  /** Where to send now: it may change with a restart. */
  readonly url: () => string;
  readonly eventsPerRequest: number;
  /** Requests under way at a time. */
  readonly concurrent: number;
  /** Characters of each event beside its number. */
  readonly padding?: number;
}

export class AcknowledgedLoad {
  /** Numbers of the requests that were answered with 200. */
  readonly acknowledged = new Set<number>();
  /** Answers other than 200, by their code; broken connections as `broken`. */
  readonly refusals = new Map<string, number>();
  /** The last refusal, whole. */
  refusal: { readonly status: number; readonly retryAfter: string | null; readonly body: unknown } | undefined;
  readonly #options: AcknowledgedLoadOptions;
  #next = 0;
  #isStopping = false;
  #isAbandoned = false;
  #senders: Promise<void>[] = [];

  constructor(options: AcknowledgedLoadOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isStopping = false;
    this.#senders = Array.from({ length: this.#options.concurrent }, () => this.#send());
  }

  /** Resolves when every request that was begun is acknowledged. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#senders);
  }

  /** Stops without waiting for an acknowledgement. */
  abandon(): void {
    this.#isStopping = true;
    this.#isAbandoned = true;
  }

  refused(code: string): number {
    return this.refusals.get(code) ?? 0;
  }

  get events(): number {
    return this.acknowledged.size * this.#options.eventsPerRequest;
  }

  /** Numbers of the events of a request. */
  static numbersOf(request: number, eventsPerRequest: number): readonly number[] {
    return Array.from({ length: eventsPerRequest }, (_, i) => request * eventsPerRequest + i);
  }

  async #send(): Promise<void> {
    while (!this.#isStopping) {
      const request = this.#next++;
      let isTaken = await this.#isTaken(request);
      for (; !isTaken && !this.#isAbandoned; isTaken = await this.#isTaken(request)) await delay(RETRY_MS);
      if (isTaken) this.acknowledged.add(request);
    }
  }

  async #isTaken(request: number): Promise<boolean> {
    const { url, eventsPerRequest, padding = 0 } = this.#options;
    const lines = AcknowledgedLoad.numbersOf(request, eventsPerRequest).map((number) =>
      JSON.stringify({
        message: `acknowledged event ${number}`,
        app: 'oracle',
        number,
        text: paddingOf(number, padding),
      }),
    );
    try {
      const response = await fetch(`${url()}/api/logs?host=oracle-${request % SOURCES}`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson', 'idempotency-key': `request-${request}` },
        body: lines.join('\n'),
        signal: AbortSignal.timeout(60_000),
      });
      if (response.status === 200) {
        await response.arrayBuffer();
        return true;
      }
      const body = await response.json();
      this.refusal = { status: response.status, retryAfter: response.headers.get('retry-after'), body };
      this.#count(typeof body.code === 'string' ? body.code : String(response.status));
    } catch {
      this.#count('broken');
    }
    return false;
  }

  #count(code: string): void {
    this.refusals.set(code, this.refused(code) + 1);
  }
}

/** Text that no compression makes small: a full disk should come soon. */
function paddingOf(number: number, chars: number): string {
  const random = new Random(number);
  let text = '';
  while (text.length < chars) text += random.below(2 ** 32).toString(36);
  return text.slice(0, chars);
}
