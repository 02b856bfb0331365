/** `/health/live` and `/health/ready`. They ask for no token: what they say names no tenant and no path. */
import type { FastifyInstance } from 'fastify';
import { probes } from './catalogue/index.ts';
import type { HealthAnswer } from './schemas/account.ts';

/**
 * Degraded is 200: a load balancer that took such a collector away would turn an answer with Retry-After into no
 * answer, and take the console with it.
 */
export function probeRoutes(app: FastifyInstance, health: () => HealthAnswer): void {
  app.route({ ...probes.live, exposeHeadRoute: true, handler: async (): Promise<HealthAnswer> => ({ status: 'ok' }) });
  app.route({
    ...probes.ready,
    exposeHeadRoute: true,
    handler: async (_request, reply): Promise<HealthAnswer> => {
      const answer = health();
      if (answer.status === 'unavailable') reply.status(503);
      return answer;
    },
  });
}
