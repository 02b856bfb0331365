import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KnownLayouts } from './known-layouts.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-layouts-'));
  file = join(folder, 'layouts.json');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('remembers how topics came to their partitions', async () => {
  const layouts = await KnownLayouts.open(file);
  expect(layouts.topics).toEqual({});
  await layouts.note('raw', { partitions: 4, firstPartitions: 2, unbarred: [2] });
  await layouts.note('dead-letter', { partitions: 3, firstPartitions: 3, unbarred: [] });
  await layouts.note('raw', { partitions: 5, firstPartitions: 2, unbarred: [] });
  const known = { raw: { partitions: 5, firstPartitions: 2 }, 'dead-letter': { partitions: 3, firstPartitions: 3 } };
  expect(layouts.topics).toEqual(known);
  expect((await KnownLayouts.open(file)).topics).toEqual(known);
  expect(await readdir(folder)).toEqual(['layouts.json']);
});

it.each(['', '{"topics":', '{"version":2,"topics":{}}'])('is not guessed from %j', async (text) => {
  await writeFile(file, text);
  await expect(KnownLayouts.open(file)).rejects.toMatchObject({
    code: 'QUEUE_CORRUPT',
    message: expect.stringContaining(file),
  });
});
