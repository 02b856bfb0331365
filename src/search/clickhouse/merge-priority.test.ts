import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { STORE_LIMITS } from '../../lib/limits.ts';
import { openStoreKit, type StoreKit } from '../testing/store-kit.ts';

let directory: string;
let store: StoreKit;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spillway-merge-priority-'));
  store = await openStoreKit({ directory });
});
afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true });
});

test.runIf(process.platform === 'linux')(
  'merges give way to inserts and questions, and nothing else does',
  async () => {
    const merging = new Set<number>();
    const others = new Set<number>();
    for (const thread of await readdir('/proc/self/task')) {
      const name = await readFile(`/proc/self/task/${thread}/comm`, 'utf8').catch(() => '');
      if (name !== '') (name.trim() === 'MergeMutate' ? merging : others).add(getPriority(Number(thread)));
    }
    const nicer = getPriority() + STORE_LIMITS.mergeNiceness;
    expect(merging).toEqual(new Set([nicer]));
    expect(others).toContain(getPriority());
    expect(others).not.toContain(nicer);
  },
);
