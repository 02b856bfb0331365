import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lacks } from '../../../test/support/needs.ts';
import { parseQuery } from '../../query/parse.ts';
import type { SearchEngine } from '../port.ts';
import { numberedEvent } from '../testing/numbered-event.ts';
import type { StoreKit } from '../testing/store-kit.ts';
import { openClusterKit, removeSlices, TEST_NODE } from './testing/cluster-kit.ts';
import { Meddler, type Meddling } from './testing/meddler.ts';

const NOW_MS = Date.parse('2026-11-23T12:00:00Z');
const suite = 'questions that OpenSearch does not answer in their time';

describe.skipIf(lacks(suite, { server: 'SPILLWAY_TEST_OPENSEARCH' }))(suite, { timeout: 60_000 }, () => {
  let folder: string;
  let meddler: Meddler;
  let kit: StoreKit<SearchEngine>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spillway-opensearch-'));
    meddler = await Meddler.start(TEST_NODE);
    const engine = { cluster: { nodes: [meddler.url] }, limits: { timeMs: 1_000 } };
    kit = await openClusterKit({ directory: folder }, engine);
    await kit.startIndexer().started;
    await kit.append(0, [numberedEvent(NOW_MS, 0)]);
    await kit.settled();
  });
  afterEach(async () => {
    meddler.meddle = () => 'pass';
    await kit.close();
    await meddler.close();
    await removeSlices(folder);
    await rm(folder, { recursive: true, force: true });
  });

  const count = (signal = new AbortController().signal) =>
    kit.engine.count({ tenant: 'default', query: parseQuery('*'), fromMs: 0, toMs: NOW_MS * 2, signal });
  /** Requests whose path has this in it are not answered, until it is over. */
  function unanswered(part: string, isOne = (_body: string): boolean => true): () => void {
    const over = Promise.withResolvers<Meddling>();
    meddler.meddle = (path, body) => (path.includes(part) && isOne(body) ? over.promise : 'pass');
    return () => {
      meddler.meddle = () => 'pass';
      over.resolve('cut before');
    };
  }

  test('a question that is too large for its time says so, where the cluster answers others', async () => {
    unanswered('_search', (body) => !body.includes('match_none'));
    await expect(count()).rejects.toMatchObject({ code: 'QUERY_TIMEOUT', message: expect.stringContaining('Narrow') });
  });

  test.each([
    ['no question', '_search'],
    ['not which slices there are', '-shared/_doc/slices'],
  ])('where it answers %s, the cluster is named and not the query', async (_, part) => {
    await expect.poll(() => count()).toBe(1);
    const end = unanswered(part);
    const standsStill = { code: 'UNAVAILABLE', message: expect.stringContaining('did not answer within 1 s') };
    // What was known of slices holds for a second.
    await expect(async () => {
      for (;;) await count();
    }).rejects.toMatchObject(standsStill);
    end();
    expect(await count()).toBe(1);
  });

  test('who goes away while it is looked whether the cluster answers is told no more', async () => {
    unanswered('');
    const controller = new AbortController();
    const asked = count(controller.signal);
    setTimeout(() => controller.abort(), 1_500);
    await expect(asked).rejects.toHaveProperty('code', 'QUERY_CANCELLED');
  });
});
