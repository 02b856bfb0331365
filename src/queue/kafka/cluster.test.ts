import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import { Cluster } from './cluster.ts';

const sockets = new Set<Socket>();
const server = createServer((socket) => {
  sockets.add(socket);
  socket.on('error', () => {});
  // Whatever it is asked, it does not answer.
  socket.resume();
  socket.once('close', () => sockets.delete(socket));
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
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

it('waits for brokers that never answer no longer than it may, once its process is to end', async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const cluster = new Cluster({ brokers: [`127.0.0.1:${port}`], clientId: 'test' });
  const beganMs = performance.now();
  const asked = Array.from({ length: 20 }, () => {
    return cluster.persist({ doing: 'asking' }, () => cluster.refresh()).catch((thrown: unknown) => thrown);
  });
  await vi.waitFor(() => expect(sockets.size).toBeGreaterThan(0));
  cluster.endWithin(100);
  for (const outcome of await Promise.all(asked)) expect(outcome).toMatchObject({ kind: { retry: true } });
  expect(performance.now() - beganMs).toBeLessThan(KAFKA_LIMITS.requestMs / 2);
  await vi.waitFor(() => expect(sockets.size).toBe(0));
  await cluster.close();
});
