/** Which tenants are held back behind the others, as the metrics say it. */
import { SpillwayError } from '../lib/errors.ts';
import { count } from '../lib/plural.ts';
import type { Client } from './client.ts';
import { table } from './table.ts';
import { shownAge } from './times.ts';

export interface ShownLane {
  readonly tenant: string;
  readonly partition: number;
  /** Its records of `raw` that wait. */
  readonly records: number;
  readonly behindMs: number;
}

const SAMPLE = /^spillway_process_lane_(records|seconds)\{([^}]*)\} (\S+)$/gm;

/** None where the metrics are not for whoever asks. */
export async function askForLanes(client: Client): Promise<ShownLane[]> {
  try {
    return readLanes(await (await client.request('/metrics')).text());
  } catch (thrown) {
    if (thrown instanceof SpillwayError && ['FORBIDDEN', 'UNAUTHORIZED'].includes(thrown.code)) return [];
    throw thrown;
  }
}

/** From Prometheus text. */
export function readLanes(metrics: string): ShownLane[] {
  const lanes = new Map<string, ShownLane>();
  for (const [, what, labels = '', text] of metrics.matchAll(SAMPLE)) {
    const tenant = labelOf(labels, 'tenant');
    const partition = Number(labelOf(labels, 'partition'));
    const key = `${partition} ${tenant}`;
    const known = lanes.get(key) ?? { tenant, partition, records: 0, behindMs: 0 };
    lanes.set(
      key,
      what === 'records' ? { ...known, records: Number(text) } : { ...known, behindMs: Number(text) * 1_000 },
    );
  }
  return [...lanes.values()].sort((a, b) => a.tenant.localeCompare(b.tenant) || a.partition - b.partition);
}

const labelOf = (labels: string, name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1] ?? '';

export function laneLines(lanes: readonly ShownLane[]): string[] {
  const right = (title: string) => ({ title, align: 'right' }) as const;
  return table(
    [{ title: 'HELD BACK' }, right('PARTITION'), right('WAITING'), right('BEHIND')],
    lanes.map(({ tenant, partition, records, behindMs }) => [
      tenant,
      String(partition),
      count(records),
      shownAge(behindMs),
    ]),
  );
}
