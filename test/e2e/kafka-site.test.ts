/** The site of a queue on Kafka, over all who use it and over the loss of its topics. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askDoctor, NO_PORTS, run } from '../support/doctor.ts';
import { lacksKafka, removeTopic, startKafka, type TestKafka } from '../support/kafka.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const LONG_MS = 180_000;
const SPILLWAY = join(import.meta.dirname, '../../bin/spillway.mjs');
const SPOOLED = 20;
const COUNT = '/api/count?q=quince&from=now-1d&to=now%2B1d';

describe.skipIf(lacksKafka('the site of a queue'))('a queue on Kafka', { timeout: LONG_MS }, () => {
  const name = randomBytes(4).toString('hex');
  const [prefix, later] = [`site-${name}.`, `site-${name}b.`];
  let kafka: TestKafka;
  let spillway: SpillwayProcess;
  let data: string;
  let other: string;

  const queueOf = (topics: string) => {
    const copies = { replication: 1, minInsyncReplicas: 1, partitions: 2 };
    return { engine: 'kafka', brokers: kafka.brokers, prefix: topics, ...copies, highWater: '100%', minFree: '0B' };
  };
  /** What a start is refused with. */
  const refused = async (config: object, folder = data) => {
    const file = join(other, 'refused.yaml');
    await writeFile(file, JSON.stringify({ ...NO_PORTS, data: folder, ...config }));
    const { status, text } = await run([process.execPath, SPILLWAY, 'start', '--config', file]);
    expect(status, text).toBe(1);
    return text;
  };
  const doctor = async (config: Record<string, unknown>, check: string, folder = data) =>
    (await askDoctor({ data: folder, config })).of(check);
  const post = async (text: string) => {
    const answer = await fetch(`${spillway.url}/api/logs?host=h`, { method: 'POST', body: text });
    expect(answer.status).toBe(200);
  };

  beforeAll(async () => {
    kafka = await startKafka();
    other = await mkdtemp(join(tmpdir(), 'spillway-site-'));
    spillway = await SpillwayProcess.start({ config: { site: 'old', queue: queueOf(prefix) } });
    data = join(spillway.folder, 'data');
  }, LONG_MS);
  afterAll(async () => {
    await spillway?.dispose();
    await rm(other, { recursive: true, force: true });
    for (const topics of [prefix, later]) {
      for (const topic of ['raw', 'events', 'dead-letter', 'control', 'ledger', 'topics']) {
        await removeTopic(kafka.brokers, topics + topic).catch(() => {});
      }
    }
    await kafka?.stop();
  }, LONG_MS);

  it('takes no second process tree with another site, and one with the same', async () => {
    const both = { site: 'ams2', queue: queueOf(prefix) };
    const text = await refused(both, join(other, 'ams2'));
    expect(text).toContain('SITE_CHANGED');
    expect(text).toMatch(new RegExp(`${prefix}\\*.*'old'.*site: ams2.*Set site: old.*queue\\.prefix`));
    const [found] = await doctor(both, 'kafka-topics', join(other, 'ams2'));
    expect(found).toMatchObject({ state: 'wrong', found: expect.stringContaining("'old'") });
    const same = { site: 'old', queue: queueOf(prefix) };
    const second = await SpillwayProcess.start({ config: same, role: 'collector' });
    await second.dispose();
  });

  it('lets nobody change the site of a data folder', async () => {
    await post('quince');
    await until('it is found', async () => (await spillway.json<{ count: number }>(COUNT)).count === 1);
    expect(await spillway.stop()).toBe(0);
    const changed = { site: 'ams2', queue: queueOf(prefix) };
    expect(await refused(changed)).toContain('SITE_CHANGED');
    expect((await doctor(changed, 'queue-folder'))[0]).toMatchObject({
      state: 'wrong',
      mend: expect.stringContaining('Set site: old'),
    });
    // Other topics, while its own are there.
    const moved = { site: 'ams2', queue: queueOf(later) };
    expect(await refused(moved)).toMatch(/which are there.*QUEUE_CHANGED/);
    expect((await doctor(moved, 'queue-folder'))[0]).toMatchObject({
      state: 'wrong',
      mend: expect.stringContaining(`Set queue.prefix: ${prefix}`),
    });
  });

  it('of which a topic is gone is left for another one, with all that was accepted for it and is in the folder', async () => {
    spillway = await SpillwayProcess.start({
      config: { site: 'old', queue: queueOf(prefix) },
      folder: spillway.folder,
    });
    await removeTopic(kafka.brokers, `${prefix}raw`);
    // What brokers take for a moment yet goes away with the topic.
    await until('it is spooled', async () => {
      await post('gone');
      return (await (await fetch(`${spillway.url}/health/ready`)).text()).includes('degraded');
    });
    for (let i = 0; i < SPOOLED; i++) await post(`quince ${i}`);
    expect(await spillway.stop()).toBe(0);

    const same = { site: 'old', queue: queueOf(prefix) };
    expect(await refused(same)).toMatch(/another queue\.prefix, and another site/);
    expect((await doctor(same, 'kafka-topics'))[0]).toMatchObject({
      state: 'wrong',
      found: expect.stringContaining(`${prefix}raw was removed`),
      mend: expect.stringContaining('set another queue.prefix'),
    });
    expect(await refused({ site: 'old', queue: queueOf(later) })).toMatch(/another `site` too.*QUEUE_CHANGED/);

    const config = { site: 'ams2', queue: queueOf(later) };
    expect(await doctor(config, 'queue-folder')).toMatchObject([
      { state: 'warning', found: expect.stringMatching(/raw, to which the folder belongs, is gone/) },
      { state: 'warning', found: expect.stringMatching(/records that were accepted while Kafka was away/) },
    ]);
    spillway = await SpillwayProcess.start({ config, folder: spillway.folder });
    const all = async () => (await spillway.json<{ count: number }>(COUNT)).count === SPOOLED;
    await until('all that was spooled is found', all, 60_000);
    const { events } = await spillway.json<{ events: { id: string }[] }>(
      '/api/search?q=quince&from=now-1d&to=now%2B1d&limit=100',
    );
    expect(events.every(({ id }) => id.startsWith('ams2.raw.'))).toBe(true);
    expect(existsSync(join(data, 'before', prefix.slice(0, -1), 'search'))).toBe(true);
    expect(await spillway.stop()).toBe(0);
    // As ever from now on.
    spillway = await SpillwayProcess.start({ config, folder: spillway.folder });
    await until('all are found again', all);
    expect((await doctor(config, 'queue-folder'))[0]?.state).toBe('well');
  });
});
