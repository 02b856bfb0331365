/**
 * The console's built files. Its scripts and styles come from here only, so text out of a log that reaches the page can
 * run nothing; hashed files are kept for ever and the page itself is asked for anew, so an update is seen at once.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import serveStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SpillwayError } from '../../lib/errors.ts';
import { sendNotFound, sendProblem } from '../server.ts';

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** The files, by their names. Register once. `root`: the folder of the built console; there is nothing to serve without it. */
export function consoleRoutes(app: FastifyInstance, root: string): void {
  if (!existsSync(root)) return;
  app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, scope: 'nobody' };
      route.schema = { ...route.schema, hide: true };
    });
    await scope.register(serveStatic, {
      root,
      index: 'index.html',
      cacheControl: false,
      dotfiles: 'ignore',
      decorateReply: false,
      setHeaders(reply, path) {
        reply.headers(PAGE_HEADERS);
        const isHashed = path.includes(`${sep}assets${sep}`);
        reply.header('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
  });
}

/** For what no route and no file answers: addresses of the console's own, such as `/live`, get its page. */
export async function answerWithPage(
  root: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (!wantsPage(request)) return sendNotFound(request, reply);
  const page = await readFile(join(root, 'index.html')).catch(() => undefined);
  if (page !== undefined) {
    return reply.headers(PAGE_HEADERS).header('cache-control', 'no-cache').type('text/html; charset=utf-8').send(page);
  }
  const missing = 'The console is not built: run `npm run build:console`. The API is here all the same.';
  return sendProblem(new SpillwayError('NOT_FOUND', missing), request, reply);
}

function wantsPage({ method, url, headers }: FastifyRequest): boolean {
  const isNoPage = /^\/(api|health|metrics|assets)(\/|\?|$)/.test(url);
  const takesHtml = headers.accept?.includes('text/html') ?? false;
  return (method === 'GET' || method === 'HEAD') && !isNoPage && (takesHtml || url === '/');
}
