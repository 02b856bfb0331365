/** A graceful end: streams end at once, answers under way get some time, and then what they wait for is cancelled. */
import type { FastifyInstance } from 'fastify';
import { HTTP_LIMITS } from '../lib/limits.ts';

export interface Closing {
  /** Fires when close() begins: endless streams end. */
  readonly begun: AbortSignal;
  /** Fires HTTP_LIMITS.closeGraceMs later: everything ends. */
  readonly now: AbortSignal;
}

export function closingOf(app: FastifyInstance): Closing {
  const begun = new AbortController();
  const now = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  app.addHook('preClose', async () => {
    begun.abort();
    timer = setTimeout(() => {
      now.abort();
      app.server.closeAllConnections();
    }, HTTP_LIMITS.closeGraceMs);
  });
  app.addHook('onClose', async () => clearTimeout(timer));
  return { begun: begun.signal, now: now.signal };
}
