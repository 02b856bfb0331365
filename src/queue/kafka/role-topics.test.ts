/** What is said of topics that were there once; on real brokers: test/e2e/kafka-site.test.ts. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLog } from '../../lib/log.ts';
import { Cluster } from './cluster.ts';
import { QueueRecord } from './queue-record.ts';
import { RoleTopics } from './role-topics.ts';
import { FakeBroker } from './testing/fake-broker.ts';

const ID = '00000000-0000-0000-0000-000000000001';
const log = createLog('test', 'fatal');

let broker: FakeBroker;
let cluster: Cluster;
beforeEach(async () => {
  broker = await FakeBroker.start();
  cluster = new Cluster({ brokers: [broker.address], clientId: 'test' });
});
afterEach(async () => {
  await cluster.close();
  await broker.close();
});

function roleTopics(): RoleTopics {
  const unused = () => {
    throw new Error('nothing is there');
  };
  const at = { topic: 'control', partition: 0 };
  const record = new QueueRecord({ at, log, openReader: unused, openWriter: unused, removeBefore: unused });
  const topics = { raw: { partitions: 1, compression: 'none', writers: 'many' } } as const;
  const nameOf = (topic: string) => topic;
  const made = new RoleTopics({
    ...{ cluster, record, topics, log, nameOf, replication: 1, minInsyncReplicas: 1 },
    onRaised: () => {},
  });
  cluster.follow(made.names);
  return made;
}

/** As of a broker that has only just started: it has the topic when it is asked for the second time. */
function knowsLate(): void {
  const refresh = cluster.refresh.bind(cluster);
  let asked = 0;
  vi.spyOn(cluster, 'refresh').mockImplementation(async () => {
    if (++asked === 2) broker.topics.set('raw', { id: ID, partitions: 1 });
    await refresh();
  });
}

it('are waited for, since a broker that has only just started may not know them yet', async () => {
  knowsLate();
  const { idOf } = await roleTopics().look({ noted: ['raw'], missingMs: 0 });
  expect(idOf('raw')).toBe(ID);
});

it('are gone where they do not come, and those that nobody has noted are not waited for', async () => {
  expect(await roleTopics().look({ noted: ['raw'], missingMs: 0 })).toMatchObject({ hasBegun: false });
  knowsLate();
  const { idOf } = await roleTopics().look({ noted: [] });
  expect(idOf('raw')).toBeUndefined();
});
