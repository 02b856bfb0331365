/** Settings of a cluster of OpenSearch, as it tells them flat and with defaults. */
import { parseSize } from '../lib/units.ts';
import { at } from '../search/opensearch/json.ts';

export const CLUSTER_SETTINGS = '_cluster/settings?include_defaults=true&flat_settings=true';

/** The first that has it holds. `defaults` is also what a node's file says. */
const LEVELS = ['transient', 'persistent', 'defaults'] as const;

export interface ClusterSetting {
  readonly value: string;
  readonly level: (typeof LEVELS)[number];
}

/** Undefined where this version does not know it. */
export function settingOf(settings: unknown, name: string): ClusterSetting | undefined {
  for (const level of LEVELS) {
    const value = at(settings, level, name);
    if (value !== undefined && value !== null) return { value: String(value), level };
  }
  return undefined;
}

/** The request that takes back what somebody has set; a cluster that is read-only takes one setting at a time. */
export function resetRequest(name: string, { level }: ClusterSetting, good: string): string {
  if (level !== 'defaults') return `PUT /_cluster/settings {"${level}": {"${name}": null}}`;
  return `Take ${name} out of opensearch.yml of its nodes and start them again, or PUT /_cluster/settings {"persistent": {"${name}": "${good}"}}`;
}

/** `50gb`: kb, mb and gb of OpenSearch are of 1,024. */
export function engineBytes(text: string): number | undefined {
  return parseSize(text.replace(/^([\d.]+)([kmgt])b$/i, (_, amount, unit) => `${amount}${unit.toUpperCase()}iB`));
}
