/** Indices of which no node has all shards: a refresh waits a minute for them, and what is in them is not known. */
import type { Client } from './client.ts';
import { at } from './json.ts';

/** Of those that a path names, which are there: none where the cluster does not tell. One that is just being made has so long. */
export async function redIndices(client: Client, names: string, startMs = 0): Promise<readonly string[]> {
  const wait = startMs > 0 ? `wait_for_status=yellow&timeout=${startMs}ms` : 'timeout=100ms';
  const path = `_cluster/health/${names}?level=indices&ignore_unavailable=true&${wait}`;
  // Also where the wait was in vain (408) it is told.
  const { body } = await client.call({ method: 'GET', path });
  return Object.entries(Object(at(body, 'indices'))).flatMap(([index, state]) => {
    return at(state, 'status') === 'red' ? [index] : [];
  });
}
