import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { Cluster } from './cluster.ts';

const sockets = new Set<Socket>();
const server = createServer((socket) => {
  sockets.add(socket);
  socket.on('error', () => {});
  socket.once('close', () => sockets.delete(socket));
});

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

it('leaves no connection open, by which its process would never end, whatever is asked when it is closed or later', async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const cluster = new Cluster({ brokers: [`127.0.0.1:${port}`], clientId: 'test' });
  const before = cluster.refresh().catch(() => undefined);
  const closing = cluster.close();
  const during = cluster.refresh().catch((thrown: unknown) => thrown);
  await Promise.all([closing, before]);
  expect(await during).toMatchObject({ code: 'UNAVAILABLE' });
  await expect(cluster.refresh()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await vi.waitFor(() => expect(sockets.size).toBe(0), { timeout: 10_000 });
});
