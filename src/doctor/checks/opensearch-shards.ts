/** How many shards the cluster may still have: each day makes new ones, and past the limit no slice can be made. */
import { DOCTOR_LIMITS } from '../../lib/limits.ts';
import { plural } from '../../lib/plural.ts';
import { numberAt } from '../../search/opensearch/json.ts';
import { type Check, onOpenSearch } from '../check.ts';
import { settingOf } from '../cluster-settings.ts';
import { warning, well, wrong } from '../finding.ts';
import { notTold } from '../opensearch-answers.ts';

const SETTING = 'cluster.max_shards_per_node';
const DEFAULT_LIMIT = 1_000;

export const openSearchShards: Check = {
  about: 'search shards',
  applies: onOpenSearch,
  async examine({ config, openSearch }) {
    const probe = await openSearch();
    const health = await probe.get('_cluster/health');
    if (health.status !== 200) return [notTold(health, 'how many shards it has', 'monitor on the cluster')];
    const set = settingOf(probe.settings.body, SETTING)?.value;
    const limit = Number(set ?? DEFAULT_LIMIT) * numberAt(health.body, 'number_of_data_nodes');
    const has = numberAt(health.body, 'active_shards') + numberAt(health.body, 'unassigned_shards');
    const { shards, replicas } = config.search.index;
    const slice = shards * (1 + replicas);
    const found = `${has} of the ${plural(limit, 'shard')} that it may have, and a new slice takes ${slice}`;
    const mend = `Lower search.retention or search.index.shards, add a node, or raise ${SETTING}.`;
    if (has + slice > limit) return [wrong(`${found}: none can be made`, mend)];
    if (has >= (limit * DOCTOR_LIMITS.nearPercent) / 100) return [warning(found, mend)];
    return [well(found)];
  },
};
