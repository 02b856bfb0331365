/**
 * One command at a time for a folder of an engine: two that start it at once would each start nodes, and the folder would know
 * only of one's. The turn is an abstract socket of Linux, so it ends with its holder, however that dies.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { sleep } from './processes.ts';

const POLL_MS = 50;

/** Waits for the command before it, and throws where that takes too long. */
export async function inTurn<T>(data: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const name = `\0spillway-engine-${createHash('sha256').update(data).digest('hex').slice(0, 32)}`;
  const deadlineMs = performance.now() + waitMs;
  let turn = await taken(name);
  while (turn === undefined) {
    if (performance.now() > deadlineMs) throw new Error(`Another command starts or stops the engine in ${data} still.`);
    await sleep(POLL_MS);
    turn = await taken(name);
  }
  try {
    return await work();
  } finally {
    turn.close();
  }
}

async function taken(name: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen(name);
    await once(server, 'listening');
    return server;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    return undefined;
  }
}
