import type { FastifyInstance } from 'fastify';
import { Counter, Histogram, type Registry } from 'prom-client';

/** Requests and their duration by route; routes are ours, so their number is bounded. */
export function countRequests(app: FastifyInstance, server: string, registry: Registry): void {
  const requests = new Counter({
    name: 'spillway_http_requests_total',
    help: 'Requests answered, by server, route and status.',
    labelNames: ['server', 'method', 'route', 'status'],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'spillway_http_request_seconds',
    help: 'Time from a request to the end of its answer.',
    labelNames: ['server', 'route'],
    buckets: [0.002, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30],
    registers: [registry],
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    requests.inc({ server, method: request.method, route, status: String(reply.statusCode) });
    seconds.observe({ server, route }, reply.elapsedTime / 1_000);
  });
}
