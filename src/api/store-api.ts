/** The store's own HTTP server: every question about events, tail, probes and its OpenAPI document. */
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { RebuildOriginal } from '../event/answered.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Authenticate } from '../lib/principal.ts';
import type { SearchReader, SliceReader } from '../search/port.ts';
import { createAdmission } from './admission.ts';
import { createBrowserGuard } from './auth/browser-guard.ts';
import { closingOf } from './closing.ts';
import { healthOf } from './health.ts';
import { documentRoutes } from './openapi.ts';
import { probeRoutes } from './probe-routes.ts';
import { createServer } from './server.ts';
import { aggregateRoutes } from './store/aggregate-routes.ts';
import type { Asking } from './store/asking.ts';
import { searchRoutes } from './store/search-routes.ts';
import { sliceRoutes } from './store/slice-routes.ts';
import { type TailedQueue, TailHub } from './store/tail/hub.ts';
import { tailRoute } from './store/tail/route.ts';
import { UnansweredQuestions } from './unanswered.ts';
import { VERSION } from './version.ts';

export interface StoreApiOptions {
  readonly reader: SearchReader;
  readonly slices: SliceReader;
  readonly queue: TailedQueue;
  readonly authenticate: Authenticate;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  /** Given to all roles by the supervisor, anew at every start. */
  readonly internalSecret: string;
  /** `http.names` of the configuration. */
  readonly names?: readonly string[];
  /** What was sent, from an event that has only the recipe: the same function that the reader has. */
  readonly rebuildOriginal?: RebuildOriginal;
  /** What the store still waits for; empty when it can answer. */
  readonly missing?: () => readonly string[];
  /** What it cannot do now, although it answers. */
  readonly troubles?: () => readonly string[];
}

const NONE = (): readonly string[] => [];

/** Ready to `listen({host, port})`; `close()` ends tails at once and gives answers under way HTTP_LIMITS.closeGraceMs. */
export async function createStoreApi(options: StoreApiOptions): Promise<FastifyInstance> {
  const {
    reader,
    slices,
    queue,
    clock,
    log,
    registry,
    authenticate,
    internalSecret,
    names = [],
    missing = NONE,
  } = options;
  const rebuild = options.rebuildOriginal ?? (() => undefined);
  const admit = createAdmission({ authenticate, guard: createBrowserGuard(names), internalSecret });
  const app = createServer({ name: 'store', log, registry, admit });
  const closing = closingOf(app);
  const asking: Asking = { reader, clock, closing: closing.now };
  await documentRoutes(app, VERSION);
  searchRoutes(app, asking);
  aggregateRoutes(app, asking);
  sliceRoutes(app, asking, slices);
  tailRoute(app, { hub: new TailHub(queue, log), rebuild, clock, registry, closing: closing.begun, admit });
  const unanswered = new UnansweredQuestions(clock);
  unanswered.watch(app);
  probeRoutes(app, () => healthOf(missing, options.troubles ?? NONE, () => unanswered.troubles()));
  return app;
}
