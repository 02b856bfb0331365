import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below those that Linux gives to connections and to servers that ask for any (32768 and up): so nothing takes the port of
 * a server that is away for a moment but whoever is given it here.
 */
const [FIRST, LAST] = [20_000, 32_767] as const;
/** Suites that run beside one another have ports of their own: vitest numbers its workers, from 1 on. */
const SHARES = 4;
const SIZE = Math.floor((LAST + 1 - FIRST) / SHARES);
const OWN = FIRST + (Number(process.env.VITEST_POOL_ID ?? 0) % SHARES) * SIZE;

let next = Math.floor(Math.random() * SIZE);

/** A port that was free a moment ago, for servers that have to be found again at the same port after a restart. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < SIZE; tried++) {
    const port = OWN + (next++ % SIZE);
    if (await isFree(port)) return port;
  }
  throw new Error('no free port');
}

export async function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  const server = createServer().listen(port, host);
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
