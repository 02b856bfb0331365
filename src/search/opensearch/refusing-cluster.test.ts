/** A cluster, or a proxy before it, that refuses what the store writes for what it is itself, and not for what is written. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lacks } from '../../../test/support/needs.ts';
import type { StoredEvent } from '../../event/event.ts';
import { parseQuery } from '../../query/parse.ts';
import type { SearchEngine } from '../port.ts';
import type { SliceKey } from '../slices.ts';
import { lettersOf } from '../testing/dead-letters.ts';
import { numberedEvent } from '../testing/numbered-event.ts';
import type { StoreKit } from '../testing/store-kit.ts';
import { insertEvents, openClusterKit, removeSlices, TEST_NODE } from './testing/cluster-kit.ts';
import { Meddler } from './testing/meddler.ts';

const NOW_MS = Date.parse('2026-11-23T12:00:00Z');
const DAY_MS = 86_400_000;
const TODAY = { retentionDays: 30, hours: 24, group: '', start: Math.floor(NOW_MS / DAY_MS) };
const LIMIT_BYTES = 64 * 1_024;
const suite = 'a cluster that refuses';

describe.skipIf(lacks(suite, { server: 'SPILLWAY_TEST_OPENSEARCH' }))(suite, { timeout: 120_000 }, () => {
  let folder: string;
  let meddler: Meddler;
  const kits: StoreKit<SearchEngine>[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spillway-opensearch-'));
    meddler = await Meddler.start(TEST_NODE);
  });
  afterEach(async () => {
    for (const kit of kits.splice(0)) await kit.close();
    await meddler.close();
    await removeSlices(folder);
    await rm(folder, { recursive: true, force: true });
  });

  async function open() {
    const kit = await openClusterKit({ directory: folder }, { cluster: { nodes: [meddler.url] } });
    kits.push(kit);
    return kit;
  }

  const insert = (kit: StoreKit<SearchEngine>, events: readonly StoredEvent[], slice: SliceKey = TODAY) =>
    insertEvents(kit, events, slice, NOW_MS);

  const eventOf = (number: number, more: Partial<StoredEvent> = {}) => numberedEvent(NOW_MS, number, more);
  const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, i) => eventOf(from + i));
  const countAll = (kit: StoreKit<SearchEngine>) =>
    kit.engine.count({
      tenant: 'default',
      query: parseQuery('*'),
      fromMs: 0,
      toMs: NOW_MS * 2,
      signal: new AbortController().signal,
    });
  const isSlice = (path: string, method: string) => method === 'PUT' && /^\/[^/]+-slice-[^/]+$/.test(path);

  test('for their size (413): smaller requests go on, and an event that is larger alone is refused whole', async () => {
    meddler.limitBytes = LIMIT_BYTES;
    const kit = await open();
    await kit.startIndexer().started;
    const large = eventOf(1_000, { message: 'large '.repeat(LIMIT_BYTES / 6) });
    await kit.append(0, [...numbered(300), large, ...numbered(300, 300)]);
    await kit.settled();
    const [letter, ...others] = await lettersOf(kit);
    expect(others).toEqual([]);
    expect(JSON.parse(letter?.value ?? '')).toEqual(large);
    expect(letter).toMatchObject({
      origin: large.id,
      reason: expect.stringMatching(
        /^http 413: .* takes \d{2,3},\d{3} bytes.*the cluster, or a proxy.*http\.max_content_length/,
      ),
    });
    expect(await countAll(kit)).toBe(600);
    // What has been refused once is not sent so large again.
    const before = meddler.meddled;
    expect(before).toBeGreaterThan(1);
    await kit.append(0, numbered(600, 2_000));
    await kit.settled();
    expect(meddler.meddled).toBe(before);
    expect(await countAll(kit)).toBe(1_200);
  });

  test('any new index, as where its disks are nearly full: the slices that there are take events', async () => {
    await insert(await open(), numbered(5));
    const kit = await open();
    const makes = (path: string, method: string) =>
      isSlice(path, method) || (method === 'PUT' && /^\/[^/]+-shared$/.test(path));
    meddler.meddle = (path, _, method) => (makes(path, method) ? 'makes no index' : 'pass');
    // A name that is new is noted in an index that is there too.
    const named = Array.from({ length: 5 }, (_, i) => eventOf(5 + i, { payload: { fresh: i } }));
    expect(await insert(kit, named)).toEqual([]);
    expect(await countAll(kit)).toBe(10);
    await expect(insert(kit, [eventOf(20)], { ...TODAY, start: TODAY.start - 1 })).rejects.toThrow(
      /^The cluster makes no index: .*"cluster\.blocks\.create_index": null/,
    );
  });

  test.each([
    [
      'read-only',
      /^The cluster is read-only: PUT \/_cluster\/settings \{"persistent": \{"cluster\.blocks\.read_only": null\}\}/,
    ],
    ['no manager', /^The cluster has no cluster manager: more than half of the nodes/],
  ] as const)('whatever is written (%s): that is said, and not that a slice cannot be made', async (meddling, said) => {
    await insert(await open(), numbered(5));
    const kit = await open();
    meddler.meddle = (path, _, method) => (isSlice(path, method) ? meddling : 'pass');
    await expect(insert(kit, numbered(5, 5))).rejects.toThrow(said);
    meddler.meddle = () => 'pass';
    expect(await insert(kit, numbered(5, 5))).toEqual([]);
    expect(await countAll(kit)).toBe(10);
  });
});
