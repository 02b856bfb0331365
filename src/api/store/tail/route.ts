/** `GET /api/tail`: server-sent events until the client goes, the server closes or the token ends. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { RebuildOriginal } from '../../../event/answered.ts';
import type { Clock } from '../../../lib/clock.ts';
import { SpillwayError } from '../../../lib/errors.ts';
import { QUERY_LIMITS } from '../../../lib/limits.ts';
import type { Principal } from '../../../lib/principal.ts';
import { parseQuery } from '../../../query/parse.ts';
import { compilePredicate } from '../../../query/predicate.ts';
import { questions } from '../../catalogue/index.ts';
import { TailClient } from './client.ts';
import type { TailHub } from './hub.ts';

export interface TailOptions {
  readonly hub: TailHub;
  readonly rebuild: RebuildOriginal;
  readonly clock: Clock;
  readonly registry: Registry;
  /** Fires when close() begins. */
  readonly closing: AbortSignal;
  /** Throws once the request would not be let in any more. */
  readonly admit: (request: FastifyRequest) => Principal;
}

const RETRY_S = 10;

export function tailRoute(server: FastifyInstance, options: TailOptions): void {
  const { hub, rebuild, clock, registry, closing, admit } = options;
  new Gauge({
    name: 'spillway_tail_clients',
    help: 'Clients that follow events.',
    registers: [registry],
    collect() {
      this.set(hub.size);
    },
  });
  const dropped = new Counter({
    name: 'spillway_tail_dropped_events_total',
    help: 'Events that matched a tail and were not sent, because the client was too slow or the rate too high.',
    registers: [registry],
  });
  server.withTypeProvider<TypeBoxTypeProvider>().route({
    ...questions.tail,
    handler: async (request, reply) => {
      const { tenant } = request.principal;
      const matches = compilePredicate(parseQuery(request.query.q ?? ''));
      if (hub.size >= QUERY_LIMITS.tailClients || hub.sizeOf(tenant) >= QUERY_LIMITS.tailClientsPerTenant) {
        throw new SpillwayError('TOO_MANY_REQUESTS', 'Too many clients follow events already; close some.', {
          retryAfterS: RETRY_S,
        });
      }
      const client = new TailClient({ tenant, matches, rebuild }, clock, (count) => dropped.inc(count));
      const end = (): void => {
        clearInterval(heartbeat);
        closing.removeEventListener('abort', end);
        hub.leave(client);
        client.stream.end();
      };
      const heartbeat = setInterval(() => {
        if (isStillAllowed(admit, request)) client.heartbeat();
        else end();
      }, QUERY_LIMITS.tailHeartbeatMs);
      closing.addEventListener('abort', end);
      reply.raw.once('close', end);
      try {
        await hub.join(client);
      } catch (error) {
        end();
        throw error;
      }
      if (reply.raw.destroyed || closing.aborted) end();
      // The client knows that it misses nothing from here on.
      else client.stream.write(': following\n\n');
      return reply
        .header('content-type', 'text/event-stream')
        .header('cache-control', 'no-store')
        .header('x-accel-buffering', 'no')
        .send(client.stream);
    },
  });
}

/** A token may be revoked while its stream is open. */
function isStillAllowed(admit: TailOptions['admit'], request: FastifyRequest): boolean {
  try {
    admit(request);
    return true;
  } catch {
    return false;
  }
}
