/** What must hold of a data folder after any fault: asked of the engine and the queue themselves, and of the ledger. */
import { expect } from 'vitest';
import type { GroupsAnswer, LedgerReport } from '../../src/api/schemas/index.ts';
import type { LedgerCounts } from '../../src/monitor/ledger/ledger.ts';
import { AcknowledgedLoad } from './acknowledged-load.ts';
import type { SpillwayProcess } from './spillway.ts';
import { rawPartitions, selectStored } from './stored-events.ts';

/** Once the groups have read everything and the ledger says what the index does; throws until then, for `until()`. */
export async function ledgerAtRest(spillway: SpillwayProcess): Promise<LedgerCounts> {
  // Ends and not counts: where a torn tail was cut, its offsets are not given again.
  const { groups } = await spillway.json<GroupsAnswer>('/api/groups');
  const { total } = await spillway.json<LedgerReport>('/api/ledger?from=now-1d&to=now%2B1d');
  const { count } = await spillway.json<{ count: number }>('/api/count?q=*&from=now-1d&to=now%2B1d');
  const lags = groups.flatMap(({ group, partitions }) => partitions.map(({ lag }) => `${group} ${lag}`));
  const isRead = lags.length > 0 && lags.every((lag) => lag.endsWith(' 0'));
  if (isRead && count > 0 && total.accepted === count && total.inFlight === 0) return total;
  throw new Error(`the groups lag by ${lags.join(', ')}; ${count} are found; the ledger says ${JSON.stringify(total)}`);
}

export interface Oracle {
  /** Requests that were acknowledged. */
  readonly acknowledged: ReadonlySet<number>;
  readonly eventsPerRequest: number;
}

/** Of a stopped Spillway: every acknowledged event is found once, and none is there twice. How many are found. */
export async function expectOnce(dataFolder: string, { acknowledged, eventsPerRequest }: Oracle): Promise<number> {
  const [rows = []] = await selectStored(dataFolder, [
    "SELECT payload.number.:Float64 AS number, count() FROM events WHERE toString(metadata.app) = 'oracle' GROUP BY number",
  ]);
  const times = new Map(rows.map(([number, count]) => [Number(number), Number(count)]));
  const wrong = [...acknowledged]
    .flatMap((request) => AcknowledgedLoad.numbersOf(request, eventsPerRequest))
    .filter((number) => times.get(number) !== 1);
  expect(wrong.slice(0, 10), `${wrong.length} acknowledged events are not there exactly once`).toEqual([]);
  const repeated = [...times].filter(([, count]) => count !== 1);
  expect(repeated.slice(0, 10), `${repeated.length} events are there more than once`).toEqual([]);
  return times.size;
}

/** Of a stopped Spillway: every record of `raw` is an event that is found exactly once. How many there are. */
export async function expectRawOnce(dataFolder: string, partitions: number): Promise<number> {
  const raw = await rawPartitions(dataFolder, partitions);
  const [stored = []] = await selectStored(dataFolder, [
    'SELECT id_partition, count(), uniqExact(id_offset, id_index), min(id_offset), max(id_offset) + 1 FROM events GROUP BY id_partition',
  ]);
  const found = new Map(stored.map(([partition, ...rest]) => [Number(partition), rest.map(Number)]));
  for (const [partition, { records, end }] of raw.entries()) {
    if (records > 0)
      expect([partition, ...(found.get(partition) ?? [])]).toEqual([partition, records, records, 0, end]);
  }
  return raw.reduce((sum, { records }) => sum + records, 0);
}
