/** The disks of the nodes beside the watermarks at which the cluster moves shards away, and then takes nothing more. */
import { formatSize, parseSize } from '../../lib/units.ts';
import { at, textAt } from '../../search/opensearch/json.ts';
import { allSlices } from '../../search/opensearch/mapping.ts';
import { type Check, onOpenSearch } from '../check.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';
import { notTold } from '../opensearch-answers.ts';
import type { OpenSearchProbe } from '../opensearch-probe.ts';

const MARK = 'cluster.routing.allocation.disk.watermark';
const MEND = 'Free space on its disk, add a node, or lower search.retention.';

export const openSearchDisk: Check = {
  about: 'search disk',
  applies: onOpenSearch,
  async examine({ config, openSearch }) {
    const probe = await openSearch();
    const stats = await probe.get('_nodes/stats/fs');
    if (stats.status !== 200) return [notTold(stats, 'how full its disks are', 'monitor on the cluster')];
    const marks = await marksOf(probe);
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

async function marksOf(probe: OpenSearchProbe): Promise<Marks> {
  const { body } = await probe.get('_cluster/settings?include_defaults=true&flat_settings=true');
  const setting = (name: string, otherwise: string): string => {
    const levels = ['transient', 'persistent', 'defaults'].map((level) => textAt(body, level, name));
    return levels.find((value) => value !== undefined) ?? otherwise;
  };
  return {
    isOn: setting('cluster.routing.allocation.disk.threshold_enabled', 'true') === 'true',
    low: setting(`${MARK}.low`, '85%'),
    high: setting(`${MARK}.high`, '90%'),
    flood: setting(`${MARK}.flood_stage`, '95%'),
  };
}

function nodeFinding(node: unknown, marks: Marks): readonly Finding[] {
  const name = textAt(node, 'name') ?? 'a node';
  const total = Number(at(node, 'fs', 'total', 'total_in_bytes'));
  const free = Number(at(node, 'fs', 'total', 'available_in_bytes'));
  if (!(total > 0) || !(free >= 0)) return [];
  const found = `${name}: ${formatSize(free)} free, ${(100 - (100 * free) / total).toFixed(0)} % used`;
  if (!marks.isOn) return [well(`${found} (its watermarks are off)`)];
  if (isPast(marks.flood, free, total)) {
    return [wrong(`${found}: past its flood stage of ${marks.flood}, where it makes indices read-only`, MEND)];
  }
  if (isPast(marks.high, free, total)) {
    return [wrong(`${found}: past its high watermark of ${marks.high}, where it moves shards away`, MEND)];
  }
  if (isPast(marks.low, free, total)) {
    return [warning(`${found}: past its low watermark of ${marks.low}, where it takes no new shards`, MEND)];
  }
  return [well(found)];
}

/** A mark is a share that is used (`85%`, `0.85`) or a size that is left (`50gb`). */
export function isPast(mark: string, freeBytes: number, totalBytes: number): boolean {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(mark)?.[1];
  const ratio = /^0?\.\d+$|^1(?:\.0+)?$/.test(mark) ? Number(mark) : undefined;
  const used = percent === undefined ? ratio : Number(percent) / 100;
  if (used !== undefined) return freeBytes < totalBytes * (1 - used);
  // OpenSearch's kb, mb and gb are of 1,024.
  const written = mark.replace(/^([\d.]+)([kmgt])b$/i, (_, amount, unit) => `${amount}${unit.toUpperCase()}iB`);
  const left = parseSize(written);
  return left !== undefined && freeBytes < left;
}

/** A block stays where an older version set it, or somebody did. */
async function blocked(probe: OpenSearchProbe, prefix: string): Promise<readonly Finding[]> {
  const path = `${allSlices(prefix)}/_settings/index.blocks.*?flat_settings=true&ignore_unavailable=true`;
  const { status, body } = await probe.get(path);
  if (status !== 200) return [];
  const names = Object.entries(Object(body)).flatMap(([index, settings]) => {
    const blocks = Object.entries(Object(at(settings, 'settings'))).filter(([, value]) => String(value) === 'true');
    return blocks.length > 0 ? [index] : [];
  });
  if (names.length === 0) return [];
  const mend = `PUT /${allSlices(prefix)}/_settings {"index.blocks.read_only_allow_delete": null, "index.blocks.write": null}, once there is room`;
  return [wrong(`these slices take nothing (index.blocks): ${names.slice(0, 5).join(', ')}`, mend)];
}
