import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { lacks } from '../../../test/support/needs.ts';
import type { SearchEngine } from '../port.ts';
import { CONTRACT_EVENTS as EVENTS, searchContract } from '../testing/search-contract.ts';
import type { StoreKit } from '../testing/store-kit.ts';
import { openClusterKit, removeSlices } from './testing/cluster-kit.ts';

const suite = 'questions to OpenSearch';

describe.skipIf(lacks(suite, { server: 'SPILLWAY_TEST_OPENSEARCH' }))(suite, () => {
  let folder: string;
  let kit: StoreKit<SearchEngine>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spillway-opensearch-'));
    kit = await openClusterKit({ directory: folder });
    kit.startIndexer();
    for (let from = 0; from < EVENTS.length; from += 80) {
      await kit.append(0, EVENTS.slice(from, from + 80));
      await kit.settled();
    }
  }, 60_000);
  afterAll(async () => {
    await kit?.close();
    await removeSlices(folder);
    await rm(folder, { recursive: true, force: true });
  });

  searchContract(() => kit.engine);
});
