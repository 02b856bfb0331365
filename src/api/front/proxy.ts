/**
 * Streams questions to the store and its answers back, byte for byte, with back-pressure in both directions and a cap
 * of its own, so that queries can never take the collector from its senders. The client's going cancels the question.
 */
import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { PassThrough, Transform } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Counter, Gauge, type Registry } from 'prom-client';
import { SpillwayError } from '../../lib/errors.ts';
import { PROXY_LIMITS, QUERY_LIMITS } from '../../lib/limits.ts';
import { FORWARDED_HEADER, INTERNAL_PREFIX, INTERNAL_SECRET_HEADER } from '../admission.ts';
import { questions, type Route } from '../catalogue/index.ts';
import type { Closing } from '../closing.ts';

export interface ProxyOptions {
  /** Where the store listens; undefined while it is down. */
  readonly storeAddress: () => { readonly host?: string; readonly port: number } | undefined;
  readonly internalSecret: string;
  readonly closing: Closing;
  readonly registry: Registry;
}

/** Of one hop only (RFC 9110, section 7.6.1), or set anew by this one. */
const HOP_HEADERS = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);
const RETRY_DOWN_S = 2;
const RETRY_BUSY_S = 1;

/** Requests under way, up to a cap in all and for each tenant. */
class Slots {
  readonly #taken = new Map<string, number>();
  #all = 0;
  readonly #most: number;
  readonly #mostPerTenant: number;
  readonly #show: (taken: number) => void;

  constructor(most: number, mostPerTenant: number, show: (taken: number) => void) {
    this.#most = most;
    this.#mostPerTenant = mostPerTenant;
    this.#show = show;
  }

  /** Undefined where none is free; else gives it back, once. */
  take(tenant: string): (() => void) | undefined {
    const own = this.#taken.get(tenant) ?? 0;
    if (this.#all >= this.#most || own >= this.#mostPerTenant) return undefined;
    this.#change(tenant, 1);
    let given = false;
    return () => {
      if (!given) this.#change(tenant, -1);
      given = true;
    };
  }

  #change(tenant: string, by: 1 | -1): void {
    const own = (this.#taken.get(tenant) ?? 0) + by;
    if (own === 0) this.#taken.delete(tenant);
    else this.#taken.set(tenant, own);
    this.#all += by;
    this.#show(this.#all);
  }
}

export function proxyRoutes(app: FastifyInstance, options: ProxyOptions): void {
  const underWay = new Gauge({
    name: 'spillway_proxy_requests_under_way',
    help: 'Questions being streamed to the store.',
    labelNames: ['kind'],
    registers: [options.registry],
  });
  const refused = new Counter({
    name: 'spillway_proxy_refused_total',
    help: 'Questions refused because too many were under way (busy) or the store was down (down).',
    labelNames: ['reason'],
    registers: [options.registry],
  });
  const queries = new Slots(PROXY_LIMITS.concurrent, PROXY_LIMITS.concurrentPerTenant, (taken) =>
    underWay.set({ kind: 'query' }, taken),
  );
  const tails = new Slots(QUERY_LIMITS.tailClients, QUERY_LIMITS.tailClientsPerTenant, (taken) =>
    underWay.set({ kind: 'tail' }, taken),
  );
  const agent = new Agent({ keepAlive: true, maxFreeSockets: PROXY_LIMITS.concurrent });
  app.addHook('onClose', async () => agent.destroy());

  app.register(async (scope) => {
    // The store validates; here bodies stay streams and schemas are for the document.
    scope.setValidatorCompiler(() => () => true);
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    for (const [name, route] of Object.entries<Route>(questions)) {
      const slots = name === 'tail' ? tails : queries;
      scope.route({
        ...route,
        handler: async (request, reply) => {
          // Announced, the store would refuse it and close, and what is written to it meanwhile would fail first.
          if (Number(request.headers['content-length'] ?? 0) > PROXY_LIMITS.bodyBytes) throw questionTooLarge();
          const address = options.storeAddress();
          if (address === undefined) {
            refused.inc({ reason: 'down' });
            throw storeIsDown();
          }
          const release = slots.take(request.principal.tenant);
          if (release === undefined) {
            refused.inc({ reason: 'busy' });
            throw new SpillwayError('TOO_MANY_REQUESTS', 'Too many questions are under way at this collector.', {
              retryAfterS: RETRY_BUSY_S,
            });
          }
          reply.raw.once('close', release);
          if (reply.raw.destroyed) release();
          const timeoutMs = name === 'tail' ? undefined : PROXY_LIMITS.timeoutMs;
          return stream(request, reply, { ...options, address, agent, timeoutMs });
        },
      });
    }
  });
}

interface Hop extends ProxyOptions {
  readonly address: { readonly host?: string; readonly port: number };
  readonly agent: Agent;
  readonly timeoutMs: number | undefined;
}

async function stream(request: FastifyRequest, reply: FastifyReply, hop: Hop): Promise<FastifyReply> {
  const isTail = hop.timeoutMs === undefined;
  const end = new AbortController();
  // A tail may last, but whoever reads an answer drop by drop must not keep a place for ever.
  const deadline = isTail ? undefined : setTimeout(() => end.abort(), PROXY_LIMITS.answerTimeoutMs);
  reply.raw.once('close', () => {
    clearTimeout(deadline);
    end.abort();
  });
  const upstream = await ask(request, hop, AbortSignal.any([end.signal, isTail ? hop.closing.begun : hop.closing.now]));
  reply.status(upstream.statusCode ?? 502);
  for (const [name, value] of Object.entries(upstream.headers)) {
    if (value !== undefined && !HOP_HEADERS.has(name)) reply.header(name, value);
  }
  // Where the store dies in the middle of an answer the connection is cut: it never looks whole.
  if (!isTail) return reply.send(upstream);
  // A tail ends like any other answer when the server closes or the store goes; its client connects again.
  const out = new PassThrough();
  upstream.once('error', () => out.end());
  return reply.send(upstream.pipe(out));
}

function ask(request: FastifyRequest, hop: Hop, signal: AbortSignal): Promise<IncomingMessage> {
  const { address, agent, timeoutMs } = hop;
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      agent,
      host: address.host ?? '127.0.0.1',
      port: address.port,
      method: request.method,
      path: request.raw.url ?? '/',
      headers: headersFor(request, hop.internalSecret),
      signal,
      setDefaultHeaders: false,
    });
    outgoing.once('response', resolve);
    outgoing.on('error', (cause) => reject(cause instanceof SpillwayError ? cause : storeIsDown(cause)));
    if (timeoutMs !== undefined) {
      outgoing.setTimeout(timeoutMs, () => outgoing.destroy(tooSlow(timeoutMs)));
    }
    if (request.method !== 'POST') outgoing.end();
    else {
      const body = request.raw.pipe(bounded());
      // Whoever sends slowly must not keep a place from others.
      const deadline = setTimeout(() => body.destroy(slowBody()), PROXY_LIMITS.bodyTimeoutMs);
      body.on('error', (error) => outgoing.destroy(error));
      body.once('close', () => {
        clearTimeout(deadline);
        // Where the store did not want all of it, the rest is thrown away: another request may follow on the connection.
        request.raw.resume();
      });
      outgoing.once('close', () => body.destroy());
      body.pipe(outgoing);
    }
  });
}

function headersFor(request: FastifyRequest, secret: string): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (!HOP_HEADERS.has(name) && !name.startsWith(INTERNAL_PREFIX)) headers[name] = value;
  }
  headers[INTERNAL_SECRET_HEADER] = secret;
  headers[FORWARDED_HEADER] = request.raw.socket.remoteAddress ?? '';
  return headers;
}

/** Passes bytes on and fails past the limit of a question. */
function bounded(): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen <= PROXY_LIMITS.bodyBytes) done(null, chunk);
      else done(questionTooLarge());
    },
  });
}

function questionTooLarge(): SpillwayError {
  return new SpillwayError('BODY_TOO_LARGE', `A question has at most ${PROXY_LIMITS.bodyBytes} bytes.`);
}

function storeIsDown(cause?: unknown): SpillwayError {
  return new SpillwayError(
    'UNAVAILABLE',
    'The store is not available now. What is sent is accepted and will be found when it is back.',
    { retryAfterS: RETRY_DOWN_S, cause },
  );
}

function slowBody(): SpillwayError {
  return new SpillwayError('REQUEST_TIMEOUT', `A question has ${PROXY_LIMITS.bodyTimeoutMs / 1_000} s to arrive.`);
}

function tooSlow(timeoutMs: number): SpillwayError {
  return new SpillwayError('QUERY_TIMEOUT', `The store did not answer within ${timeoutMs / 1_000} s.`);
}
