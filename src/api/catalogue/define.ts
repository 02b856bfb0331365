/** What a route is: address, who may ask, and the schemas that validate, type and document it. */
import type { FastifyContextConfig, FastifySchema } from 'fastify';
import type { TSchema } from 'typebox';
import type { Scope } from '../../lib/principal.ts';
import { ProblemSchema } from '../schemas/problem.ts';

interface RouteSchemas {
  readonly querystring?: TSchema;
  readonly params?: TSchema;
  readonly body?: TSchema;
  readonly headers?: TSchema;
  /** Media types of the body. */
  readonly consumes?: string[];
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface About {
  readonly method: Method;
  readonly url: string;
  readonly scope: Scope | 'nobody';
  readonly summary: string;
  readonly answer: TSchema;
  /** Media type of the answer where it is not JSON. */
  readonly produces?: string;
  readonly anyHost?: boolean;
}

/** A route without the types of its parts, for those who treat all alike. */
export interface Route {
  readonly method: Method;
  readonly url: string;
  readonly config: FastifyContextConfig;
  readonly schema: FastifySchema;
}

export function define<S extends RouteSchemas>(about: About, schemas: S) {
  const { method, url, scope, summary, answer, produces, anyHost = false } = about;
  const ok =
    produces === undefined
      ? { description: 'The answer.', content: { 'application/json': { schema: answer } } }
      : { description: 'The answer.', content: { [produces]: { schema: answer } } };
  const problem = {
    description: 'A problem (RFC 9457).',
    content: { 'application/problem+json': { schema: ProblemSchema } },
  };
  const response: Record<string, object> = { 200: ok, '4xx': problem, '5xx': problem };
  return {
    method,
    url,
    config: { scope, anyHost },
    schema: { ...schemas, summary, operationId: nameOf(method, url), response },
  };
}

/** `GET /api/topics/:topic/records` is `getTopicsRecords`, and `GET /api/topics/:topic` is `getTopicsByTopic`. */
function nameOf(method: string, url: string): string {
  const words = url
    .replace(/\/:(\w+)$/, '/by/$1')
    .split('/')
    .filter((word) => word !== '' && word !== 'api' && !word.startsWith(':'));
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
