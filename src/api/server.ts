/**
 * What the front door and the store's own server have in common: bounds of the socket, validation that refuses what it
 * does not know, problem documents for every error, authentication before anything else, metrics, a graceful close.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import type { Registry } from 'prom-client';
import { type ErrorCode, SpillwayError } from '../lib/errors.ts';
import { HTTP_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { Principal, Scope } from '../lib/principal.ts';
import { isOurs, PROBLEM_TYPE, problemOf, rawProblem, toSpillwayError } from './problem.ts';
import { countRequests } from './request-metrics.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set before the handler for every route with a scope. */
    principal: Principal;
  }
  interface FastifyContextConfig {
    /** What the principal must be allowed; `nobody` asks for nothing. A route that says nothing needs `admin`. */
    scope?: Scope | 'nobody';
    /** Answers whatever the Host header says: probes of load balancers use addresses of their own. */
    anyHost?: boolean;
  }
}

export interface ServerOptions {
  readonly name: 'front-door' | 'store';
  readonly log: Logger;
  readonly registry: Registry;
  /** Throws where the request may not go on; else who it is. */
  readonly admit: (request: FastifyRequest) => Principal;
  /** Answers what no route does. */
  readonly notFound?: (request: FastifyRequest, reply: FastifyReply) => unknown;
}

/** The code of a problem, for a front door that passes the answer of its store on without reading it. */
export const CODE_HEADER = 'x-spillway-code';

/** Stands for whoever asks a route that needs nobody. */
const NOBODY: Principal = { tenant: '', scopes: new Set() };

export function createServer(options: ServerOptions): FastifyInstance {
  // Of Fastify itself only warnings are of interest.
  const { log } = options;
  const loggerInstance: FastifyBaseLogger = log.isLevelEnabled('warn') ? log.child({}, { level: 'warn' }) : log;
  const app = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    bodyLimit: HTTP_LIMITS.questionBytes,
    connectionTimeout: HTTP_LIMITS.idleMs,
    requestTimeout: HTTP_LIMITS.requestTimeoutMs,
    keepAliveTimeout: HTTP_LIMITS.keepAliveMs,
    // A HEAD would ask the whole question and throw the answer away; probes allow it.
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    http: { maxHeaderSize: HTTP_LIMITS.headerBytes, headersTimeout: HTTP_LIMITS.headersTimeoutMs },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 256 },
    ajv: {
      // Nothing is removed or guessed: only the text of a query string becomes a number where one is asked for.
      customOptions: { removeAdditional: false, coerceTypes: true, useDefaults: false, verbose: true, strict: false },
    },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => sendProblem(error, request, reply),
  });
  app.server.maxConnections = HTTP_LIMITS.connections;
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  app.decorateRequest('principal');
  app.addHook('onRequest', async (request, reply) => {
    // Answers belong to a tenant: no cache between may keep them. What may be kept says so itself.
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    request.principal = NOBODY;
    if (request.is404) return;
    request.principal = options.admit(request);
  });
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler(options.notFound ?? sendNotFound);
  countRequests(app, options.name, options.registry);
  return app;
}

/** Sends the problem document of anything thrown. */
export function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = toSpillwayError(thrown);
  if (isOurs(error.code)) request.log.error({ err: thrown, reqId: request.id }, 'a request failed');
  reply.header(CODE_HEADER, error.code);
  if (error.retryAfterS !== undefined) reply.header('retry-after', Math.ceil(error.retryAfterS));
  // The rest of a body is read and thrown away: cut off while it sends, a client would see no answer.
  if (error.code === 'BODY_TOO_LARGE') request.raw.resume();
  if (error.code === 'REQUEST_TIMEOUT') reply.header('connection', 'close');
  if (error.code === 'UNAUTHORIZED') reply.header('www-authenticate', 'Bearer realm="spillway"');
  return reply
    .status(error.kind.status)
    .type(PROBLEM_TYPE)
    .serializer(JSON.stringify)
    .send(problemOf(error, request.id));
}

export function sendNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendProblem(new SpillwayError('NOT_FOUND', `There is no ${request.method} at this address.`), request, reply);
}

/** Answers what Node's HTTP parser could not make a request of. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const [code, detail] = CLIENT_ERRORS[error.code ?? ''] ?? ['BAD_REQUEST', 'This is not a valid HTTP request.'];
  socket.end(rawProblem(new SpillwayError(code, detail), randomUUID()));
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: [
    'HEADERS_TOO_LARGE',
    `The request line and headers are over ${HTTP_LIMITS.headerBytes} bytes. A long query can be sent by POST.`,
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['REQUEST_TIMEOUT', 'The request took too long to arrive.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['BODY_TOO_LARGE', 'The extensions of a chunk are too long.'],
};
