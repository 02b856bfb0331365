/** What must hold of a data folder after any fault: asked of the engine and the queue themselves, and of the ledger. */
import { expect } from 'vitest';
import type { LedgerReport, TopicsAnswer } from '../../src/api/schemas/index.ts';
import type { LedgerCounts } from '../../src/monitor/ledger/ledger.ts';
import { AcknowledgedLoad } from './acknowledged-load.ts';
import type { SpillwayProcess } from './spillway.ts';
import { selectStored } from './stored-events.ts';

/** Once the ledger has what `raw` has, and nothing of it is in flight; throws until then, for `until()`. */
export async function ledgerAtRest(spillway: SpillwayProcess): Promise<LedgerCounts> {
  const { topics } = await spillway.json<TopicsAnswer>('/api/topics');
  const { total } = await spillway.json<LedgerReport>('/api/ledger?from=now-1d&to=now%2B1d');
  const raw = topics.find(({ topic }) => topic === 'raw')?.partitions ?? [];
  const inRaw = raw.reduce((sum, { endOffset }) => sum + endOffset, 0);
  if (inRaw > 0 && total.accepted === inRaw && total.inFlight === 0) return total;
  throw new Error(`raw has ${inRaw} records, the ledger says ${JSON.stringify(total)}`);
}

export interface Oracle {
  /** Requests that were acknowledged. */
  readonly acknowledged: ReadonlySet<number>;
  readonly eventsPerRequest: number;
}

/** Of a stopped Spillway: every acknowledged event is found once, and none is there twice. How many are found. */
export async function expectOnce(dataFolder: string, { acknowledged, eventsPerRequest }: Oracle): Promise<number> {
  const [rows = []] = await selectStored(dataFolder, [
    "SELECT payload.number.:Float64 AS number, count() FROM events WHERE metadata.app.:String = 'oracle' GROUP BY number",
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
