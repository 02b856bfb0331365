/**
 * A graceful end: streams end and connections on which nothing is asked close at once, answers under way get some
 * time, and then what they wait for is cancelled.
 */
import type { Socket } from 'node:net';
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
  const connections = watchConnections(app, begun.signal);
  let timer: NodeJS.Timeout | undefined;
  app.addHook('preClose', async () => {
    begun.abort();
    connections.closeQuiet();
    timer = setTimeout(() => {
      now.abort();
      app.server.closeAllConnections();
    }, HTTP_LIMITS.closeGraceMs);
  });
  app.addHook('onClose', async () => clearTimeout(timer));
  return { begun: begun.signal, now: now.signal };
}

/** Node itself waits for connections on which nothing was ever asked, such as those that browsers open ahead. */
function watchConnections(app: FastifyInstance, closing: AbortSignal): { closeQuiet(): void } {
  const underWay = new Map<Socket, number>();
  app.server.on('connection', (socket) => {
    underWay.set(socket, 0);
    socket.once('close', () => underWay.delete(socket));
  });
  app.server.on('request', ({ socket }, response) => {
    underWay.set(socket, (underWay.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const left = (underWay.get(socket) ?? 1) - 1;
      if (underWay.has(socket)) underWay.set(socket, left);
      if (closing.aborted && left === 0) socket.end();
    });
  });
  return {
    closeQuiet() {
      for (const [socket, requests] of underWay) if (requests === 0) socket.destroy();
    },
  };
}
