/** What a connection says that does not come about, on a server that does not speak Kafka. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { verdictOn } from './broker-errors.ts';
import { BrokerLink } from './broker-link.ts';
import type { KafkaOptions } from './options.ts';
import { apiVersions } from './protocol.ts';

/** What a listener with TLS answers to who speaks in the clear: a fatal alert, protocol_version. */
const ALERT = Buffer.from([0x15, 3, 3, 0, 2, 2, 0x46]);
const login = { mechanism: 'SCRAM-SHA-512', username: 'spillway', password: 'right' } as const;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Asks a server that gives this answer to whatever it is asked, and ends. */
async function askOne(answer: Buffer, options: Partial<KafkaOptions> = {}): Promise<unknown> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(answer));
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  const link = await BrokerLink.open(
    { host: '127.0.0.1', port: address.port },
    { brokers: [], clientId: 'test', ...options },
  );
  return link.ask(apiVersions, 'test', '1').finally(() => link.close());
}

test('a listener that wants TLS is told from one that is away', async () => {
  const failed = await askOne(ALERT).catch((thrown: unknown) => thrown);
  expect(verdictOn(failed)).toBe('tls');
});

test('a connection that ends in the middle of a login has not been refused: it is tried again', async () => {
  const failed = await askOne(Buffer.alloc(0), { login }).catch((thrown: unknown) => thrown);
  expect(failed).toBeInstanceOf(Error);
  expect(verdictOn(failed)).toBe('retry');
});
