/** The HTTP inputs: plugins that read and check their requests themselves, from senders who may send. */
import type { FastifyInstance, FastifyPluginAsync, FastifySchema } from 'fastify';
import { inputs, type Route } from '../catalogue/index.ts';

export function inputRoutes(app: FastifyInstance, plugins: readonly FastifyPluginAsync[]): void {
  const documented = new Map<string, FastifySchema>(
    Object.values<Route>(inputs).map((route) => [`${route.method} ${route.url}`, route.schema] as const),
  );
  for (const plugin of plugins) {
    app.register(async (scope) => {
      // Schemas are for the document: an input reads bytes.
      scope.setValidatorCompiler(() => () => true);
      scope.addHook('onRoute', (route) => {
        route.config = { scope: 'ingest', ...route.config };
        const schema = documented.get(`${String(route.method)} ${route.url}`);
        if (schema !== undefined) route.schema ??= schema;
      });
      await scope.register(plugin);
    });
  }
}
