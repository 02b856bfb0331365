/**
 * That questions find a search engine, or a store, that is away, as their answers say it. A store with nothing to index
 * does not notice by itself that its engine is gone; whoever asks does, and health must not say that all is well beside it.
 *
 * Each tenant's last question counts: where a part of the slices answers, who has the others is not hidden by that.
 */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../lib/clock.ts';
import { PROXY_LIMITS } from '../lib/limits.ts';
import { questions } from './catalogue/index.ts';
import { CODE_HEADER } from './server.ts';

interface Unanswered {
  readonly sinceMs: number;
  readonly lastMs: number;
}

/** A tail reads the queue: it says nothing of the engine. */
const WATCHED: ReadonlySet<string> = new Set(
  Object.entries(questions).flatMap(([name, { url }]) => (name === 'tail' ? [] : url)),
);

export class UnansweredQuestions {
  readonly #clock: Clock;
  readonly #byTenant = new Map<string, Unanswered>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(tenant: string, answered: boolean): void {
    const before = this.#byTenant.get(tenant);
    this.#byTenant.delete(tenant);
    if (answered) return;
    const nowMs = this.#clock.now();
    const sinceMs = before !== undefined && this.#isFresh(before) ? before.sinceMs : nowMs;
    this.#byTenant.set(tenant, { sinceMs, lastMs: nowMs });
    // The one that was noted the longest ago goes.
    const [oldest] = this.#byTenant.keys();
    if (this.#byTenant.size > PROXY_LIMITS.unansweredTenants && oldest !== undefined) this.#byTenant.delete(oldest);
  }

  /** Without a reason and without a tenant: health is answered to anybody. What nobody has asked again is not known any more. */
  troubles(): readonly string[] {
    const fresh = [...this.#byTenant.values()].filter((one) => this.#isFresh(one));
    if (fresh.length === 0) return [];
    const since = new Date(Math.min(...fresh.map(({ sinceMs }) => sinceMs))).toISOString();
    return [
      `The store has not answered questions since ${since}: what is sent is accepted and will be found. Its log and \`spillway doctor\` say why.`,
    ];
  }

  /** Looks at every answer of the routes that ask the store. `counts` is false where there is no store to ask. */
  watch(app: FastifyInstance, counts: () => boolean = () => true): void {
    app.addHook('onResponse', async (request, reply) => {
      const { url } = request.routeOptions;
      // Whoever went away before it was whole has been told nothing.
      if (url === undefined || !WATCHED.has(url) || !reply.raw.writableFinished || !counts()) return;
      const code = reply.getHeader(CODE_HEADER);
      if (code === 'UNAVAILABLE') this.note(request.principal.tenant, false);
      else if (reply.statusCode === 200) this.note(request.principal.tenant, true);
    });
  }

  #isFresh({ lastMs }: Unanswered): boolean {
    return this.#clock.now() - lastMs < PROXY_LIMITS.unansweredMs;
  }
}
