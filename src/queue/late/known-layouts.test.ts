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

it('remembers from which partitions on others are held back, until they are let go', async () => {
  const layouts = await KnownLayouts.open(file);
  const layout = { partitions: 3, firstPartitions: 2, unbarred: [] };
  await layouts.hold('raw', 2);
  expect(layouts.topics).toEqual({});
  await layouts.note('raw', layout, 2);
  await Promise.all([
    layouts.note('raw', { ...layout, partitions: 4 }, 3),
    layouts.hold('raw', 2),
    layouts.note('other', layout),
    layouts.note('raw', { ...layout, partitions: 5 }),
  ]);
  const again = await KnownLayouts.open(file);
  expect(again.topics).toEqual({
    raw: { partitions: 5, firstPartitions: 2, heldFrom: [2, 3] },
    other: { partitions: 3, firstPartitions: 2 },
  });
  await Promise.all([again.release('raw', 3), again.release('raw', 2), again.release('none', 2)]);
  expect((await KnownLayouts.open(file)).of('raw')).toEqual({ partitions: 5, firstPartitions: 2 });
});

it.each(['', '{"topics":', '{"version":2,"topics":{}}'])('is not guessed from %j', async (text) => {
  await writeFile(file, text);
  await expect(KnownLayouts.open(file)).rejects.toMatchObject({
    code: 'QUEUE_CORRUPT',
    message: expect.stringContaining(file),
  });
});
