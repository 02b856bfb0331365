/** How many primary shards a slice needs on OpenSearch. */
import { ASSUMED, LUCENE_MAX_DOCS } from './assumed.ts';
import { DAY_S, machinesByCpu } from './estimate.ts';
import type { Measured } from './measured.ts';

const GB = 1e9;
const DAY_HOURS = 24;

export interface ShardsEstimate {
  /** Of the slice, without copies. */
  readonly events: number;
  readonly gb: number;
  /** By the size of a shard that is advised. */
  readonly bySize: number;
  /** By the indexing: a primary lies on one node. */
  readonly byCpu: number;
  /** By what Lucene takes at all. */
  readonly byLimit: number;
  /** The largest of these. */
  readonly shards: number;
  /** Of all slices that are kept, with copies. */
  readonly kept: number;
}

/** Of so many events a day that go to one slice at a time. */
export function shardsOf(eventsPerDay: number, sliceHours: number, { cpuUs, indexBytes }: Measured): ShardsEstimate {
  const events = (eventsPerDay * sliceHours) / DAY_HOURS;
  const gb = (events * indexBytes) / GB;
  const bySize = Math.ceil(gb / ASSUMED.shardGb);
  const byCpu = machinesByCpu((eventsPerDay / DAY_S) * ASSUMED.catchUp, cpuUs.OpenSearch);
  const byLimit = Math.ceil(events / LUCENE_MAX_DOCS);
  const shards = Math.max(bySize, byCpu, byLimit);
  const slices = (ASSUMED.searchDays * DAY_HOURS) / sliceHours;
  return { events, gb, bySize, byCpu, byLimit, shards, kept: slices * shards * ASSUMED.searchCopies };
}
