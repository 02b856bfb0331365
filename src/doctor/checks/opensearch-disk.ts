/** The disks of the nodes beside the watermarks at which the cluster moves shards away, and then takes nothing more. */
import { formatSize } from '../../lib/units.ts';
import { at, textAt } from '../../search/opensearch/json.ts';
import { type Check, onOpenSearch } from '../check.ts';
import { engineBytes, settingOf } from '../cluster-settings.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';
import { notTold } from '../opensearch-answers.ts';
import type { OpenSearchProbe } from '../opensearch-probe.ts';
import { indexNames, isShared, ourIndices, patternOf, SHARED_STOPS } from '../our-indices.ts';

const MARK = 'cluster.routing.allocation.disk.watermark';
const MEND = 'Free space on its disk, add a node, or lower search.retention.';

export const openSearchDisk: Check = {
  about: 'search disk',
  applies: onOpenSearch,
  async examine({ config, openSearch }) {
    const probe = await openSearch();
    const stats = await probe.get('_nodes/stats/fs');
    if (stats.status !== 200) return [notTold(stats, 'how full its disks are', 'monitor on the cluster')];
    const marks = marksOf(probe.settings.body);
    const findings = Object.values(Object(at(stats.body, 'nodes'))).flatMap((node) => nodeFinding(node, marks));
    return [...findings, ...(await blocked(probe, config.search.index.prefix))];
  },
};

interface Marks {
  readonly isOn: boolean;
  readonly low: string;
  readonly high: string;
  readonly flood: string;
}

function marksOf(settings: unknown): Marks {
  const setting = (name: string, otherwise: string): string => settingOf(settings, name)?.value ?? otherwise;
  return {
    isOn: setting('cluster.routing.allocation.disk.threshold_enabled', 'true') === 'true',
    low: setting(`${MARK}.low`, '85%'),
    high: setting(`${MARK}.high`, '90%'),
    flood: setting(`${MARK}.flood_stage`, '95%'),
  };
}

export function nodeFinding(node: unknown, marks: Marks): readonly Finding[] {
  const name = textAt(node, 'name') ?? 'a node';
  const [total, unused, free] = ['total', 'free', 'available'].map((of) =>
    Number(at(node, 'fs', 'total', `${of}_in_bytes`)),
  );
  if (total === undefined || unused === undefined || free === undefined || !(total > 0) || !(free >= 0)) return [];
  // As `df` and the check of this machine count it; for its marks the engine takes for used what is kept for root.
  const used = total - unused;
  const percents = [(100 * used) / (used + free), 100 - (100 * free) / total].map((percent) => percent.toFixed(0));
  const found = `${name}: ${formatSize(free)} free, ${percents[0]} % used`;
  if (!marks.isOn) return [well(`${found} (its watermarks are off)`)];
  const counted = percents[0] === percents[1] ? found : `${found} (${percents[1]} % as its watermarks count it)`;
  if (isPast(marks.flood, free, total)) {
    return [wrong(`${counted}: past its flood stage of ${marks.flood}, where it makes indices read-only`, MEND)];
  }
  if (isPast(marks.high, free, total)) {
    return [wrong(`${counted}: past its high watermark of ${marks.high}, where it moves shards away`, MEND)];
  }
  if (isPast(marks.low, free, total)) {
    return [warning(`${counted}: past its low watermark of ${marks.low}, where it takes no new shards`, MEND)];
  }
  return [well(counted)];
}

/** A mark is a share that is used (`85%`, `0.85`) or a size that is left (`50gb`). */
export function isPast(mark: string, freeBytes: number, totalBytes: number): boolean {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(mark)?.[1];
  const ratio = /^0?\.\d+$|^1(?:\.0+)?$/.test(mark) ? Number(mark) : undefined;
  const used = percent === undefined ? ratio : Number(percent) / 100;
  if (used !== undefined) return freeBytes < totalBytes * (1 - used);
  const left = engineBytes(mark);
  return left !== undefined && freeBytes < left;
}

/** A block stays where an older version set it, or somebody did. A flood stage blocks what stores share as well as slices. */
async function blocked(probe: OpenSearchProbe, prefix: string): Promise<readonly Finding[]> {
  const path = `${ourIndices(prefix)}/_settings/index.blocks.*?flat_settings=true&ignore_unavailable=true`;
  const { status, body } = await probe.get(path);
  return status === 200 ? judgeBlocks(body, prefix) : [];
}

/** Of the indices' settings, flat. */
export function judgeBlocks(settings: unknown, prefix: string): readonly Finding[] {
  const blocks = new Set<string>();
  const names = Object.entries(Object(settings)).flatMap(([index, of]) => {
    const set = Object.entries(Object(at(of, 'settings'))).filter(([, value]) => String(value) === 'true');
    for (const [name] of set) blocks.add(name);
    return set.length > 0 ? [index] : [];
  });
  if (names.length === 0) return [];
  const nothing = [...blocks].map((name) => `${JSON.stringify(name)}: null`).join(', ');
  const mend = `PUT /${patternOf(names, prefix)}/_settings {${nothing}}, once there is room`;
  const found = `these indices are blocked (${[...blocks].join(', ')}): ${indexNames(names)}${whatOf(names, prefix)}`;
  return [wrong(found, mend)];
}

function whatOf(names: readonly string[], prefix: string): string {
  return isShared(names, prefix) ? `; ${SHARED_STOPS}` : '; slices take nothing then, and events wait';
}
