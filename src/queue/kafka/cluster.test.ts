import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import { Cluster } from './cluster.ts';
import { listOffsets } from './protocol.ts';
import { FakeBroker } from './testing/fake-broker.ts';

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

describe('brokers of another cluster under the same addresses', () => {
  let broker: FakeBroker;
  beforeEach(async () => {
    broker = await FakeBroker.start();
    broker.topics.set('raw', { id: '00000000-0000-0000-0000-000000000001', partitions: 1 });
  });
  afterEach(() => broker.close());

  const replace = (clusterId: string) => {
    broker.clusterId = clusterId;
    broker.cut();
  };
  // Long enough to notice that a connection is cut.
  const asking = { doing: 'asking', forMs: 300 };
  const ask = (cluster: Cluster) => cluster.persist(asking, () => cluster.refresh());
  const raw = { topic: 'raw', partition: 0 };
  const open = async () => {
    const cluster = new Cluster({ brokers: [broker.address], clientId: 'test' });
    cluster.follow(['raw']);
    await ask(cluster);
    return cluster;
  };

  it('are not asked anything, which is said with the ids of both, until the right ones answer again', async () => {
    const cluster = await open();
    cluster.pinCluster();
    replace('wrong');
    const both = { code: 'QUEUE_UNREACHABLE', message: expect.stringMatching(/ wrong; .* right\./) };
    await expect(ask(cluster)).rejects.toMatchObject(both);
    await expect(
      cluster.askLeader(raw, asking, listOffsets, -1, 0, [{ name: 'raw', partitions: [] }]),
    ).rejects.toMatchObject(both);
    expect([broker.timesAsked(listOffsets), cluster.brokerAddresses]).toEqual([0, []]);
    replace('right');
    await ask(cluster);
    expect(await cluster.leader(raw)).toMatchObject({ port: broker.port });
    await cluster.close();
  });

  it('are the right ones after all, where nothing was found on the first', async () => {
    const cluster = await open();
    replace('wrong');
    await expect(ask(cluster)).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' });
    await cluster.forget();
    await ask(cluster);
    await cluster.close();
  });
});
