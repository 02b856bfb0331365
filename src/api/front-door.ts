/**
 * The collector's HTTP server: inputs, the console, the account and the queue; questions are streamed to the store.
 * Everything but the questions works when the store is dead.
 */
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import type { Registry } from 'prom-client';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Authenticate } from '../lib/principal.ts';
import type { Queue } from '../queue/port.ts';
import { createAdmission } from './admission.ts';
import { createBrowserGuard } from './auth/browser-guard.ts';
import { closingOf } from './closing.ts';
import { accountRoutes } from './front/account-routes.ts';
import { answerWithPage, consoleRoutes } from './front/console.ts';
import type { CoordinatorView, MachineState } from './front/coordinator-view.ts';
import { groupRoutes } from './front/group-routes.ts';
import { inputRoutes } from './front/input-routes.ts';
import { proxyRoutes } from './front/proxy.ts';
import { queueRoutes } from './front/queue-routes.ts';
import { topicRoutes } from './front/topic-routes.ts';
import type { UserTopics } from './front/user-topics.ts';
import { Waiting } from './front/waiting.ts';
import { healthOf } from './health.ts';
import { documentRoutes } from './openapi.ts';
import { probeRoutes } from './probe-routes.ts';
import { createServer, sendNotFound } from './server.ts';
import { UnansweredQuestions } from './unanswered.ts';
import { VERSION } from './version.ts';

export type { CoordinatorView, MachineState, RoleState } from './front/coordinator-view.ts';

export interface FrontDoorOptions {
  readonly authenticate: Authenticate;
  /** Where the store listens; undefined while it is down. */
  readonly storeAddress: () => { readonly host?: string; readonly port: number } | undefined;
  /** Given to all roles by the supervisor, anew at every start. */
  readonly internalSecret: string;
  readonly coordinator: CoordinatorView;
  /** For looking at records. */
  readonly queue: Pick<Queue, 'openReader'>;
  /** Those that users create; without it there are none. */
  readonly topics?: UserTopics;
  /** Inputs, such as `POST /api/logs`: their routes need the scope `ingest` unless they say otherwise. */
  readonly ingestPlugins: readonly FastifyPluginAsync[];
  /** Folder of the built console. */
  readonly consoleRoot?: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  /** `http.names` and `http.host` of the configuration: what browsers may call this server. */
  readonly names?: readonly string[];
  /** What the collector still waits for; empty when it accepts. */
  readonly missing?: () => readonly string[];
  /** What it cannot do now, although it runs. */
  readonly troubles?: () => readonly string[];
  /** What is kept on this machine. */
  readonly machine?: () => MachineState;
}

const NONE = (): readonly string[] => [];

/** Ready to `listen({host, port})`; `close()` ends tails at once and gives answers under way HTTP_LIMITS.closeGraceMs. */
export async function createFrontDoor(options: FrontDoorOptions): Promise<FastifyInstance> {
  const { authenticate, coordinator, queue, consoleRoot, clock, log, registry } = options;
  const admit = createAdmission({ authenticate, guard: createBrowserGuard(options.names ?? []) });
  const app = createServer({
    name: 'front-door',
    log,
    registry,
    admit,
    notFound: (request, reply) =>
      consoleRoot === undefined ? sendNotFound(request, reply) : answerWithPage(consoleRoot, request, reply),
  });
  const closing = closingOf(app);
  await documentRoutes(app, VERSION);
  inputRoutes(app, options.ingestPlugins);
  // Where collectors run without a store there is nobody who would have to answer.
  let hasStore = false;
  const storeAddress = () => {
    const address = options.storeAddress();
    hasStore ||= address !== undefined;
    return address;
  };
  const unanswered = new UnansweredQuestions(clock);
  unanswered.watch(app, () => hasStore);
  const health = () => healthOf(options.missing ?? NONE, options.troubles ?? NONE, () => unanswered.troubles());
  proxyRoutes(app, { storeAddress, internalSecret: options.internalSecret, closing, registry });
  accountRoutes(app, { coordinator, clock, health, machine: options.machine ?? (() => ({})) });
  const waiting = new Waiting(closing.begun);
  const { topics } = options;
  queueRoutes(app, { coordinator, queue, clock, topics, waiting });
  if (topics !== undefined) {
    topicRoutes(app, coordinator, topics);
    groupRoutes(app, { coordinator, topics, waiting, clock, log });
  }
  probeRoutes(app, health);
  if (consoleRoot !== undefined) consoleRoutes(app, consoleRoot);
  return app;
}
