/** `/health/live` and `/health/ready`. They say nothing of what is inside and ask for no token. */
import type { FastifyInstance } from 'fastify';
import { probes } from './catalogue/index.ts';
import type { HealthAnswer } from './schemas/account.ts';

/**
 * `missing`: what this process waits for before it can do its work; empty when it is ready. `troubles`: what it cannot
 * do now although it is ready, such as take more where the disk is nearly full. That is 200: a load balancer that took
 * such a collector away would turn an answer with Retry-After into no answer, and take the console with it.
 */
export function probeRoutes(
  app: FastifyInstance,
  missing: () => readonly string[],
  troubles: () => readonly string[] = () => [],
): void {
  app.route({ ...probes.live, exposeHeadRoute: true, handler: async (): Promise<HealthAnswer> => ({ status: 'ok' }) });
  app.route({
    ...probes.ready,
    exposeHeadRoute: true,
    handler: async (_request, reply): Promise<HealthAnswer> => {
      const reasons = [...missing()];
      const degraded = [...troubles()];
      if (reasons.length === 0 && degraded.length > 0) return { status: 'degraded', reasons: degraded };
      if (reasons.length === 0) return { status: 'ok' };
      reply.status(503);
      return { status: 'unavailable', reasons };
    },
  });
}
