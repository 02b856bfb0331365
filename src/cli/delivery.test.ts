import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Client } from './client.ts';
import { deliver } from './delivery.ts';

type Answer = { readonly status: number; readonly body: object } | 'break';
const problem = (code: string, status: number): Answer => ({ status, body: { code, detail: 'said so', status } });
const accepted: Answer = { status: 200, body: { accepted: 1, deadLettered: 0 } };

let server: Server | undefined;
afterEach(() => server?.close());

/** A server that gives these answers in turn, and what it was asked. */
async function answering(...answers: readonly Answer[]): Promise<{ client: Client; keys: unknown[] }> {
  const keys: unknown[] = [];
  server = createServer((request: IncomingMessage, response) => {
    const answer = answers[keys.length] ?? accepted;
    keys.push(request.headers['idempotency-key']);
    request.resume().on('end', () => {
      if (answer === 'break') request.socket.destroy();
      else response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { client: new Client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, undefined), keys };
}

const send = (client: Client, retryForMs = 10_000) =>
  deliver(Buffer.from('line\n'), 'text/plain', {
    client,
    parameters: {},
    retryForMs,
    signal: new AbortController().signal,
    onRetry: () => {},
  });

test('a batch that may have been lost is repeated under the same key until it is acknowledged', async () => {
  const { client, keys } = await answering(problem('UNAVAILABLE', 503), 'break', accepted);
  expect(await send(client)).toEqual({ accepted: 1, deadLettered: 0 });
  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
});

test('two batches have different keys', async () => {
  const { client, keys } = await answering();
  await send(client);
  await send(client);
  expect(new Set(keys).size).toBe(2);
});

test('what a repetition cannot help is not repeated', async () => {
  const { client, keys } = await answering(problem('UNAUTHORIZED', 401));
  await expect(send(client)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  expect(keys).toHaveLength(1);
});

test('it gives up when its time is over, with what was said last', async () => {
  const { client } = await answering(problem('UNAVAILABLE', 503), problem('DISK_FULL', 503));
  await expect(send(client, 300)).rejects.toMatchObject({ code: 'DISK_FULL' });
});

test('a server that is not Spillway is told apart', async () => {
  const { client } = await answering({ status: 404, body: { error: 'nope' } });
  await expect(send(client, 0)).rejects.toThrow(/not as Spillway would/);
});
