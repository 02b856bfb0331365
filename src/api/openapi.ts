/** The OpenAPI 3.1 document, made of the very schemas that validate requests, at `/api/openapi.json`. */
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';

const description =
  'Logs and events: accepted, searched, followed and accounted for. Errors are problem documents (RFC 9457) with a ' +
  'stable `code`. Every tenant sees only its own.';

/** Before the routes it documents. */
export async function documentRoutes(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Spillway', version, description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'A token of `spillway token create`.' },
          basic: { type: 'http', scheme: 'basic', description: 'Any user, and the token as password.' },
        },
      },
      security: [{ bearer: [] }, { basic: [] }, {}],
    },
    hideUntagged: false,
  });
  app.get('/api/openapi.json', { config: { scope: 'nobody' }, schema: { hide: true } }, async (_request, reply) => {
    reply.type('application/json; charset=utf-8').header('cache-control', 'no-cache');
    return app.swagger();
  });
}
