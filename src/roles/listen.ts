import type { FastifyInstance } from 'fastify';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import type { Listening } from './messages.ts';

/** Starts to listen, or throws LISTEN_FAILED saying what to do. */
export async function listenOn(
  app: FastifyInstance,
  what: 'http' | 'store',
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Listening> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    throw new SpillwayError(
      'LISTEN_FAILED',
      `Cannot listen on ${host}:${port} (${messageOf(cause)}). Stop what has it, or set ${what}.port to another port.`,
      { cause },
    );
  }
  const address = app.server.address();
  return { what, address: host, port: typeof address === 'object' && address !== null ? address.port : port };
}
