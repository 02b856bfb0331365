/** A data folder whose topics of Kafka are gone; on real brokers: test/e2e/kafka-site.test.ts. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { type Disk, nodeDisk } from '../lib/disk.ts';
import { createLog } from '../lib/log.ts';
import type { TopicsThere } from '../queue/kafka/role-topics.ts';
import { LocalCoordinator } from '../queue/segment-log/coordinator.ts';
import { MarkBoard } from '../queue/segment-log/marks.ts';
import { openSegmentLog } from '../queue/segment-log/queue.ts';
import { values } from '../queue/test-records.ts';
import { assertGone, goOnWith, topicsToLeave } from './gone-topics.ts';
import { bindAnew, isBoundTo } from './queue-binding.ts';

const IDS = { 'old.raw': 'r1', 'old.events': 'e1' };
const NEW_IDS = { 'new.raw': 'r2', 'new.events': 'e2' };
const FILES = ['search/tables', 'collector/keys.json', 'queue/store/member', 'queue/spool/producers.json', 'tokens/t'];

let data: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'spillway-gone-'));
  for (const file of FILES) await write(file, file);
  await write('queue/kafka.json', JSON.stringify({ site: 'a', topics: IDS }));
});
afterEach(() => rm(data, { recursive: true, force: true }));

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(data, file)), { recursive: true });
  await writeFile(join(data, file), text);
}
const config = (site: string, prefix: string): Config =>
  loadConfig({ env: {}, overrides: { site, data, queue: { engine: 'kafka', brokers: ['127.0.0.1:9'], prefix } } });
const looking = (there: Partial<TopicsThere> = {}, ids: Readonly<Record<string, string>> = IDS) => {
  return async () => ({ hasBegun: true, site: 'a', lost: [], idOf: (name: string) => ids[name], ...there });
};
const leave = async () => (await topicsToLeave(config('b', 'new.'))) ?? expect.unreachable();

it('stays of its topics while they are there, and where the site is to be the same', async () => {
  const leaving = await leave();
  await expect(assertGone(config('b', 'new.'), leaving, looking())).rejects.toThrow(/which are there/);
  await expect(topicsToLeave(config('a', 'new.'))).rejects.toThrow(/another `site` too/);
  // As an earlier version has noted it.
  await write('queue/kafka.json', JSON.stringify({ topics: IDS }));
  await expect(assertGone(config('a', 'new.'), await leave(), looking({ lost: ['old.events'] }))).rejects.toThrow(
    /another `site` too/,
  );
  expect(await topicsToLeave(config('b', 'old.'))).toBeUndefined();
});

it.each([
  ['one is gone', looking({}, { 'old.raw': 'r1' }), 'old.events'],
  ['one was made anew', looking({}, { ...IDS, 'old.raw': 'other' }), 'old.raw'],
  ['the dead letters are gone', looking({ lost: ['old.dead-letter'] }), 'old.dead-letter'],
  ['what all share is gone', looking({ hasBegun: false, site: undefined }), 'old.control'],
])('may be left where %s', async (_, look, gone) => {
  expect(await assertGone(config('b', 'new.'), await leave(), look)).toEqual({ topics: [gone], site: 'a' });
});

it('is not left where none of its topics is on the brokers that are asked, unless somebody says that this is meant', async () => {
  const look = looking({ hasBegun: false, site: undefined }, {});
  await expect(assertGone(config('b', 'new.'), await leave(), look)).rejects.toMatchObject({
    code: 'QUEUE_CHANGED',
    details: { advice: expect.stringContaining(`put "gone":true, after the first brace of ${data}/queue/kafka.json`) },
  });
  const text = await readFile(join(data, 'queue/kafka.json'), 'utf8');
  await write('queue/kafka.json', text.replace('{', '{"gone":true,'));
  expect((await assertGone(config('b', 'new.'), await leave(), look)).topics).toContain('old.raw');
  await goOnWith(config('b', 'new.'), NEW_IDS, await leave(), () => 2);
  // It was said of the old ones, and of no others.
  expect(await readFile(join(data, 'queue/kafka.json'), 'utf8')).not.toContain('gone');
});

it('is not left for the usual site where nobody knows the old one, and says that it is not known for any other', async () => {
  await write('queue/kafka.json', JSON.stringify({ topics: IDS }));
  const look = looking({ site: undefined, lost: ['old.events'] });
  await expect(assertGone(config('local', 'new.'), await leave(), look)).rejects.toThrow(/site of, most likely local/);
  expect((await assertGone(config('b', 'new.'), await leave(), look)).site).toBeUndefined();
});

it('keeps nothing that counts by the old offsets where it would be taken for the new, wherever a crash comes between', async () => {
  const leaving = await leave();
  for (let crashAt = 0; ; crashAt++) {
    let step = 0;
    const disk: Disk = {
      ...nodeDisk,
      rename: (from, to) => (step++ === crashAt ? Promise.reject(new Error('crash')) : nodeDisk.rename(from, to)),
    };
    const done = await goOnWith(config('b', 'new.'), NEW_IDS, leaving, () => 2, disk).then(
      () => true,
      () => false,
    );
    const isBound = (await topicsToLeave(config('b', 'new.'))) === undefined;
    expect(isBound).toBe(done);
    if (done) break;
    expect(crashAt).toBeLessThan(FILES.length + 2);
  }
  expect(await isBoundTo(config('b', 'new.'), Object.keys(NEW_IDS))).toBe(true);
  expect(await readFile(join(data, 'tokens/t'), 'utf8')).toBe('tokens/t');
  for (const file of FILES.filter((name) => name !== 'tokens/t')) {
    expect([file, existsSync(join(data, file))]).toEqual([file, false]);
    expect(await readFile(join(data, 'before/old', file), 'utf8')).toBe(file);
  }
});

it('is left again and again, also for names that differ by a dot only, and each time has a place of its own', async () => {
  const places = ['before/old', 'before/old-2', 'before/old-3'];
  for (const [round, prefix] of ['old.', 'old.', 'old'].entries()) {
    await write('search/tables', `${round}`);
    await bindAnew(config('a', prefix), { [`${prefix}raw`]: 'r', [`${prefix}events`]: 'e' });
    await goOnWith(config('b', 'new.'), NEW_IDS, await leave(), () => 2);
  }
  const texts = places.map((place) => readFile(join(data, place, 'search/tables'), 'utf8'));
  expect(await Promise.all(texts)).toEqual(['0', '1', '2']);
});

it.each(['EXDEV', 'EBUSY'])(
  'says what to move where a part is on a disk of its own, and goes on (%s)',
  async (code) => {
    const search = join(data, 'search');
    const disk: Disk = {
      ...nodeDisk,
      rename: async (from, to) => {
        if (from === search) throw Object.assign(new Error(`${code}: rename`), { code });
        await nodeDisk.rename(from, to);
      },
    };
    const go = async () => goOnWith(config('b', 'new.'), NEW_IDS, await leave(), () => 2, disk);
    await expect(go()).rejects.toMatchObject({
      code: 'QUEUE_CHANGED',
      details: { advice: expect.stringContaining(`Move what is in ${search} to ${join(data, 'before/old/search')}`) },
    });
    await rm(join(search, 'tables'));
    await go();
    expect(await isBoundTo(config('b', 'new.'), Object.keys(NEW_IDS))).toBe(true);
  },
);

it('is not left for topics that have no place for what is spooled', async () => {
  const directory = join(data, 'queue/spool');
  const log = createLog('test', 'fatal');
  const coordinator = await LocalCoordinator.open({ directory, disk: nodeDisk, log });
  const topics = { raw: { partitions: 3, compression: 'none' } } as const;
  const spool = openSegmentLog({ directory, topics, coordinator, marks: new MarkBoard(), log });
  await spool.prepare();
  await (await spool.openWriter({ topic: 'raw', partition: 2 })).append(values('kept'));
  await spool.close();
  await coordinator.close();
  const leaving = await leave();
  await expect(goOnWith(config('b', 'new.'), NEW_IDS, leaving, () => 2)).rejects.toThrow(
    /partition 2 of raw.*queue\.partitions to at least 3/,
  );
  expect(existsSync(join(data, 'search/tables'))).toBe(true);
  await goOnWith(config('b', 'new.'), NEW_IDS, leaving, () => 3);
});
