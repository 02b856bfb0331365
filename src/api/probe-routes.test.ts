import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { healthOf } from './health.ts';
import { probeRoutes } from './probe-routes.ts';

async function ready(missing: readonly string[], ...troubles: readonly string[][]) {
  const app = Fastify();
  probeRoutes(app, () => healthOf(() => missing, ...troubles.map((some) => () => some)));
  const { statusCode, body } = await app.inject('/health/ready');
  return { status: statusCode, answer: JSON.parse(body) };
}

test('readiness is 200 while it answers, also in trouble, and 503 where something is missing', async () => {
  expect(await ready([], [])).toEqual({ status: 200, answer: { status: 'ok' } });
  expect(await ready([], ['the disk'], ['the index'])).toEqual({
    status: 200,
    answer: { status: 'degraded', reasons: ['the disk', 'the index'] },
  });
  expect(await ready(['a lock'], ['the disk'])).toEqual({
    status: 503,
    answer: { status: 'unavailable', reasons: ['a lock'] },
  });
});
