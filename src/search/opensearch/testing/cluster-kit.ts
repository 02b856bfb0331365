/** A store for tests on the cluster of SPILLWAY_TEST_OPENSEARCH, with indices of its own for each folder. */
import { createHash } from 'node:crypto';
import type { StoredEvent } from '../../../event/event.ts';
import { systemClock } from '../../../lib/clock.ts';
import type { RefusedRecord, SearchEngine } from '../../port.ts';
import type { SliceKey } from '../../slices.ts';
import { openStoreKitOn, type StoreKit, type StoreKitOptions } from '../../testing/store-kit.ts';
import { Client } from '../client.ts';
import { sharedIndex } from '../cluster-document.ts';
import { type OpenSearchOptions, openOpenSearch } from '../engine.ts';
import { allSlices } from '../mapping.ts';

export const TEST_NODE = process.env.SPILLWAY_TEST_OPENSEARCH ?? '';

export function prefixOf(folder: string): string {
  return `test-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`;
}

export function openClusterKit(
  options: StoreKitOptions,
  engine: Partial<OpenSearchOptions> = {},
): Promise<StoreKit<SearchEngine>> {
  const index = { prefix: prefixOf(options.directory), shards: 1, replicas: 0 };
  return openStoreKitOn(options, (parts) =>
    openOpenSearch({
      ...parts,
      clock: options.clock ?? systemClock,
      cluster: { nodes: [TEST_NODE] },
      index,
      refreshEveryMs: 50,
      ...engine,
    }),
  );
}

/** Puts events of a slice into the engine itself, without an indexer; what it refuses. Throws why they wait, where they do. */
export async function insertEvents(
  { engine: { writer } }: StoreKit<SearchEngine>,
  events: readonly StoredEvent[],
  slice: SliceKey,
  receivedMs: number,
): Promise<readonly RefusedRecord[]> {
  const block = writer.createBlock();
  for (const [i, event] of events.entries()) {
    const bytes = Buffer.from(JSON.stringify(event));
    const placement = { slice, tier: 'shared' };
    block.add(bytes, 0, bytes.length, { partition: 0, offset: i, timestampMs: receivedMs }, () => placement);
  }
  const batch = await block.finish();
  if (batch === undefined) return [];
  const { refused, waiting } = await writer.insert(batch);
  for (const { reason } of waiting) throw new Error(reason);
  return refused;
}

export async function removeSlices(folder: string): Promise<void> {
  const client = new Client({ nodes: [TEST_NODE] });
  await client.call({ method: 'DELETE', path: allSlices(prefixOf(folder)) });
  await client.call({ method: 'DELETE', path: sharedIndex(prefixOf(folder)) });
  await client.call({ method: 'DELETE', path: `_index_template/${prefixOf(folder)}*` });
  client.close();
}
