/** Leaving an embedded queue: nothing that was acknowledged is left behind in silence. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askDoctor, run } from '../support/doctor.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const EVENTS = 100;
const SPILLWAY = join(import.meta.dirname, '../../bin/spillway.mjs');
const KAFKA = { engine: 'kafka', brokers: ['127.0.0.1:9'] };

describe('a data folder whose embedded queue nobody has read', { timeout: 120_000 }, () => {
  let spillway: SpillwayProcess;
  let data: string;
  /** A verb on the folder, with another queue where one is given. */
  const verb = async (name: string, queue: object = {}, others: object = {}) => {
    const file = join(spillway.folder, `${name}.yaml`);
    const ports = { http: { port: 0 }, inputs: { syslog: [{ port: 0 }] } };
    const room = { highWater: '100%', minFree: '0B' };
    await writeFile(file, JSON.stringify({ ...ports, data, queue: { ...room, ...queue }, ...others }));
    return run([process.execPath, SPILLWAY, name, '--config', file]);
  };

  beforeAll(async () => {
    spillway = await SpillwayProcess.start();
    data = join(spillway.folder, 'data');
    expect(await verb('drain')).toMatchObject({ status: 1, text: expect.stringContaining('DATA_FOLDER_IN_USE') });
    const processor = (await spillway.roles()).find(({ role }) => role === 'processor')?.pid ?? 0;
    process.kill(processor, 'SIGSTOP');
    for (let i = 0; i < EVENTS; i++) {
      const answer = await fetch(`${spillway.url}/api/logs`, { method: 'POST', body: `quince ${i}` });
      expect(answer.status).toBe(200);
    }
    // All at once, as by a power cut: what was acknowledged is in raw, and nowhere else.
    const pids = (await spillway.roles()).flatMap(({ pid }) => pid ?? []);
    for (const pid of [spillway.child.pid ?? 0, ...pids]) process.kill(pid, 'SIGKILL');
    await spillway.ended();
  }, 60_000);
  afterAll(() => rm(spillway.folder, { recursive: true, force: true }));

  test('is not started on Kafka, and doctor says why', async () => {
    const unread = `${EVENTS} records of raw have not been read by the processor`;
    const { status, text } = await verb('start', KAFKA);
    expect(status).toBe(1);
    expect(text).toContain('QUEUE_CHANGED');
    expect(text).toContain(unread);
    expect(text).toContain('spillway drain');
    const moved = await askDoctor({ data, config: { queue: KAFKA } });
    expect(moved.of('queue-folder')).toMatchObject([{ state: 'wrong', found: expect.stringContaining(unread) }]);
    const [found] = (await askDoctor({ data })).of('queue-folder');
    expect(found).toMatchObject({ state: 'warning', found: unread, mend: expect.stringContaining('spillway drain') });
  });

  test('is emptied by drain, which takes nothing new and ends by itself', async () => {
    expect(await verb('drain')).toMatchObject({ status: 0, text: expect.stringContaining('"drained":true') });
    const [found] = (await askDoctor({ data })).of('queue-folder');
    expect(found).toMatchObject({ state: 'well', found: expect.stringContaining('read everything') });
    // Of nothing, too.
    expect((await verb('drain')).status).toBe(0);
    const again = await SpillwayProcess.start({ folder: spillway.folder });
    const path = '/api/count?q=quince&from=now-1d&to=now%2B1d';
    const found100 = async () => (await again.json<{ count: number }>(path)).count === EVENTS;
    await until('all are found', found100).finally(() => again.stop());
  });

  test('is not started with another site, whose events would have ids of both', async () => {
    const { status, text } = await verb('start', {}, { site: 'ams2' });
    expect([status, text]).toEqual([1, expect.stringContaining('SITE_CHANGED')]);
    expect(text).toContain('Set site: local');
  });

  test('drain is for the embedded queue', async () => {
    expect(await verb('drain', KAFKA)).toMatchObject({
      status: 2,
      text: expect.stringContaining('queue.engine is kafka'),
    });
  });

  test('one of a queue on Kafka is not started on the embedded queue', async () => {
    const folder = join(spillway.folder, 'other');
    await mkdir(join(folder, 'queue'), { recursive: true });
    await writeFile(join(folder, 'queue/kafka.json'), '{"topics":{"spillway.raw":"x","spillway.events":"y"}}\n');
    data = folder;
    const { status, text } = await verb('start');
    expect(status).toBe(1);
    expect(text).toContain('QUEUE_CHANGED');
    expect(text).toContain('needs no drain');
    expect(text).not.toContain('spillway drain');
  });
});
