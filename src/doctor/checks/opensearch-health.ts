/** Whether all shards of our slices are there, and their copies. */
import { plural } from '../../lib/plural.ts';
import { sharedIndex } from '../../search/opensearch/cluster-document.ts';
import { at, numberAt, textAt } from '../../search/opensearch/json.ts';
import { aliasOf, allSlices } from '../../search/opensearch/mapping.ts';
import { type Check, onOpenSearch } from '../check.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';
import { notTold } from '../opensearch-answers.ts';
import type { OpenSearchProbe } from '../opensearch-probe.ts';
import { indexNames, isShared, SHARED_STOPS } from '../our-indices.ts';

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
      const found = `search.index.replicas is ${replicas}, and ${dataNodes === 1 ? 'there is' : 'there are'} ${plural(dataNodes, 'data node')}: copies have nowhere to go`;
      findings.push(
        warning(found, `Start ${replicas + 1 - dataNodes} more, or set search.index.replicas: ${dataNodes - 1}.`),
      );
    }
    const indices = await states(probe, prefix);
    // A name that is not there would be waited for.
    const shared = indices.filter(({ name }) => name === sharedIndex(prefix)).map(({ name }) => `,${name}`);
    const names = `${allSlices(prefix)},${aliasOf(prefix)}*${shared.join('')}`;
    const path = `_cluster/health/${names}?ignore_unavailable=true&level=indices`;
    const ours = await probe.get(path);
    // Where there is no slice yet, only the cluster itself can be asked.
    const { body } = ours.status === 200 ? ours : cluster;
    const [status, unassigned] = [textAt(body, 'status'), numberAt(body, 'unassigned_shards')];
    const red = Object.entries(Object(at(body, 'indices'))).flatMap(([index, state]) => {
      return textAt(state, 'status') === 'red' ? [index] : [];
    });
    if (status === 'red') {
      const names = red.length > 0 ? ` (${indexNames(red)}): events wait for them` : '';
      findings.push(wrong(`it is red: ${plural(unassigned, 'shard is', 'shards are')} not there${names}`, WHY));
    } else if (status === 'yellow')
      findings.push(warning(`it is yellow: ${plural(unassigned, 'copy is', 'copies are')} not there`, WHY));
    else findings.push(well(`it is ${status}, with ${plural(dataNodes, 'data node')}`));
    return [...findings, ...closed(indices, prefix)];
  },
};

interface IndexState {
  readonly name: string;
  readonly isClosed: boolean;
}

async function states(probe: OpenSearchProbe, prefix: string): Promise<readonly IndexState[]> {
  const shared = sharedIndex(prefix);
  // By patterns: also here a name that is not there would be waited for.
  const { status, body } = await probe.get(`_cat/indices/${allSlices(prefix)},${shared}*?format=json&h=index,status`);
  if (status !== 200 || !Array.isArray(body)) return [];
  const indices = body.map((row) => ({
    name: textAt(row, 'index') ?? '',
    isClosed: textAt(row, 'status') === 'close',
  }));
  return indices.filter(({ name }) => name === shared || !name.startsWith(shared));
}

/** Nobody closes an index but people; no shard of it is missing then. */
function closed(indices: readonly IndexState[], prefix: string): readonly Finding[] {
  const names = indices.filter(({ isClosed }) => isClosed).map(({ name }) => name);
  if (names.length === 0) return [];
  if (isShared(names, prefix)) {
    const found = `these indices are closed: ${indexNames(names)}; ${SHARED_STOPS}`;
    return [wrong(found, `POST /${sharedIndex(prefix)}/_open, and the same for each slice that is closed.`)];
  }
  const found = `these slices are closed, and questions about their times are refused: ${indexNames(names)}`;
  return [wrong(found, 'POST /INDEX/_open for each, or remove it.')];
}
