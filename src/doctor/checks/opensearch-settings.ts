/** Settings of the cluster that queries need, and how full the memory of its nodes is. */
import { DOCTOR_LIMITS } from '../../lib/limits.ts';
import { EXPENSIVE, refusesExpensiveQueries } from '../../search/opensearch/cluster.ts';
import { at, textAt } from '../../search/opensearch/json.ts';
import { type Check, onOpenSearch } from '../check.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';
import { notTold } from '../opensearch-answers.ts';

export const openSearchSettings: Check = {
  about: 'search settings',
  applies: onOpenSearch,
  async examine({ openSearch }) {
    const probe = await openSearch();
    const settings = await probe.get('_cluster/settings?include_defaults=true&flat_settings=true');
    if (settings.status !== 200) return [notTold(settings, 'its settings', 'monitor on the cluster')];
    const findings: Finding[] = [];
    if (refusesExpensiveQueries(settings.body)) {
      const mend = `PUT /_cluster/settings {"persistent": {"${EXPENSIVE}": true}}`;
      findings.push(wrong(`${EXPENSIVE} is false, and patterns and ranges of texts need it`, mend));
    } else findings.push(well('queries of every kind are allowed'));
    const stats = await probe.get('_nodes/stats/jvm');
    return [...findings, ...(stats.status === 200 ? heaps(stats.body) : [])];
  },
};

function heaps(body: unknown): readonly Finding[] {
  return Object.values(Object(at(body, 'nodes'))).flatMap((node) => {
    const percent = Number(at(node, 'jvm', 'mem', 'heap_used_percent'));
    if (!(percent >= DOCTOR_LIMITS.heapPercent)) return [];
    const mend = 'Give it more heap (-Xmx, half of its memory), or have fewer shards.';
    return [warning(`${textAt(node, 'name') ?? 'a node'} uses ${percent} % of its heap`, mend)];
  });
}
