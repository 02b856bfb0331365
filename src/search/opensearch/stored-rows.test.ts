/** What is known of stored rows while shards do not answer. */
import { expect, it } from 'vitest';
import type { Answer, Call, Client } from './client.ts';
import { StoredRows } from './stored-rows.ts';

const OVERLOADED: Answer = {
  status: 503,
  body: { error: { type: 'search_phase_execution_exception', reason: 'all shards failed' } },
};

/** A cluster that answers about the state of its indices, but whose shards refuse to be searched. */
function rowsOf(indices: Record<string, { readonly status: string }>): StoredRows {
  const call = async ({ path }: Call): Promise<Answer> => {
    if (path.startsWith('_cluster/health')) return { status: 200, body: { indices } };
    if (path.includes('allow_partial_search_results=false')) return OVERLOADED;
    return { status: 200, body: { _shards: { failed: 1 }, hits: { hits: [] } } };
  };
  return new StoredRows({ call } as unknown as Client, { prefix: 'spillway' }, 'queue');
}

it('a partition is not taken for one that has no rows where a shard does not answer', async () => {
  await expect(rowsOf({ a: { status: 'yellow' } }).hasAny(0)).rejects.toThrow('search_phase_execution_exception');
  expect(await rowsOf({ a: { status: 'red' } }).hasAny(0)).toBe(true);
});
