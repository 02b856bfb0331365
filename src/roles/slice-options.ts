/** What the configuration says about slices, as the search store takes it. */
import type { Config } from '../config/schema.ts';
import type { IndexOptions } from '../search/opensearch/mapping.ts';
import type { Tier } from '../search/policy/decide.ts';
import { DAY_MS, HOUR_MS, type RetentionPolicy } from '../search/slices.ts';

export function retentionOf(config: Config): RetentionPolicy {
  const days = (ms: number) => Math.max(1, Math.ceil(ms / DAY_MS));
  const tenants = Object.entries(config.tenants).flatMap(([tenant, { retentionMs }]) =>
    retentionMs === undefined ? [] : [[tenant, days(retentionMs)]],
  );
  return { days: days(config.search.retentionMs), tenants: Object.fromEntries(tenants) };
}

export function tiersOf({ search }: Config): readonly Tier[] {
  return search.tiers.map(({ name, events, volumeBytes, sliceMs, own }) => ({
    name,
    hours: sliceMs / HOUR_MS,
    own,
    ...(events !== undefined && { fromEvents: events }),
    ...(volumeBytes !== undefined && { fromBytes: volumeBytes }),
  }));
}

export function pinnedOf({ tenants }: Config): Readonly<Record<string, string>> {
  const pinned = Object.entries(tenants).flatMap(([tenant, { tier }]) => (tier === undefined ? [] : [[tenant, tier]]));
  return Object.fromEntries(pinned);
}

export function storageOf({ search }: Config): NonNullable<IndexOptions['tiers']> {
  return Object.fromEntries(search.tiers.map(({ name, storage }) => [name, storage]));
}
