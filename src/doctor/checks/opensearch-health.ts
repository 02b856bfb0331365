/** Whether all shards of our slices are there, and their copies. */
import { DOCTOR_LIMITS } from '../../lib/limits.ts';
import { at, numberAt, textAt } from '../../search/opensearch/json.ts';
import { aliasOf, allSlices } from '../../search/opensearch/mapping.ts';
import { type Check, onOpenSearch } from '../check.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';
import { notTold } from '../opensearch-answers.ts';
import type { OpenSearchProbe } from '../opensearch-probe.ts';

const WHY = 'GET /_cluster/allocation/explain says why a shard is not assigned.';

export const openSearchHealth: Check = {
  about: 'search health',
  applies: onOpenSearch,
  async examine({ config, openSearch }) {
    const probe = await openSearch();
    const { prefix, replicas } = config.search.index;
    const cluster = await probe.get('_cluster/health');
    if (cluster.status !== 200) return [notTold(cluster, 'how healthy it is', 'monitor on the cluster')];
    const dataNodes = numberAt(cluster.body, 'number_of_data_nodes');
    const findings: Finding[] = [];
    if (replicas >= dataNodes) {
      const found = `search.index.replicas is ${replicas}, and there are ${dataNodes} data nodes: copies have nowhere to go`;
      findings.push(
        warning(found, `Start ${replicas + 1 - dataNodes} more, or set search.index.replicas: ${dataNodes - 1}.`),
      );
    }
    const path = `_cluster/health/${allSlices(prefix)},${aliasOf(prefix)}*?ignore_unavailable=true&level=indices`;
    const ours = await probe.get(path);
    // Where there is no slice yet, only the cluster itself can be asked.
    const { body } = ours.status === 200 ? ours : cluster;
    const [status, unassigned] = [textAt(body, 'status'), numberAt(body, 'unassigned_shards')];
    const red = Object.entries(Object(at(body, 'indices'))).flatMap(([index, state]) => {
      return textAt(state, 'status') === 'red' ? [index] : [];
    });
    if (status === 'red') {
      const names = red.length > 0 ? ` (${red.slice(0, DOCTOR_LIMITS.names).join(', ')}): events wait for them` : '';
      findings.push(wrong(`it is red: ${unassigned} shards are not there${names}`, WHY));
    } else if (status === 'yellow') findings.push(warning(`it is yellow: ${unassigned} copies are not there`, WHY));
    else findings.push(well(`it is ${status}, with ${dataNodes} data nodes`));
    return [...findings, ...(await closed(probe, prefix))];
  },
};

/** Nobody closes a slice but people; no shard of it is missing then. */
async function closed(probe: OpenSearchProbe, prefix: string): Promise<readonly Finding[]> {
  const { status, body } = await probe.get(`_cat/indices/${allSlices(prefix)}?format=json&h=index,status`);
  if (status !== 200 || !Array.isArray(body)) return [];
  const names = body.flatMap((row) => (textAt(row, 'status') === 'close' ? [textAt(row, 'index') ?? ''] : []));
  if (names.length === 0) return [];
  const found = `these slices are closed, and questions about their times are refused: ${names.slice(0, 5).join(', ')}`;
  return [wrong(found, 'POST /INDEX/_open for each, or remove it.')];
}
