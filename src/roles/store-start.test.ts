/** What a store says and does that becomes ready before it has begun to index. */
import { expect, it } from 'vitest';
import { SpillwayError } from '../lib/errors.ts';
import { type StoreStart, startedSoon } from './store-start.ts';

const other = new SpillwayError('CONFIG_INVALID', 'Another store writes to another index.');

/** A store whose start is as long as the test wants. */
function storeOf(more: Partial<StoreStart>) {
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const said = { warnings: 0, claims: 0 };
  const ended = Promise.withResolvers<unknown>();
  const ready = startedSoon({
    indexer: { started, done: done.promise },
    claimIndex: async () => void said.claims++,
    endOnFailure: (work) => void work.then(ended.resolve, ended.resolve),
    log: { warn: () => void said.warnings++ },
    graceMs: 1,
    ...more,
  });
  return { ready, start, done, said, ended: ended.promise };
}

it('a store that starts in time has claimed its index after it joined the group, and is refused where it is not its own', async () => {
  const store = storeOf({ graceMs: 60_000 });
  expect(store.said.claims).toBe(0);
  store.start();
  await store.ready;
  expect(store.said).toEqual({ warnings: 0, claims: 1 });
  const refused = storeOf({ graceMs: 60_000, claimIndex: () => Promise.reject(other) });
  refused.start();
  await expect(refused.ready).rejects.toBe(other);
});

it('a store that starts late claims its index when it has joined the group, and ends where it is not its own', async () => {
  const refused = storeOf({ claimIndex: () => Promise.reject(other) });
  await refused.ready;
  expect(refused.said.warnings).toBe(1);
  refused.start();
  expect(await refused.ended).toBe(other);
});

it('a store that starts late and then fails ends, also before its start is over', async () => {
  const store = storeOf({});
  await store.ready;
  expect(store.said).toEqual({ warnings: 1, claims: 0 });
  store.done.reject(other);
  expect(await store.ended).toBe(other);
});
