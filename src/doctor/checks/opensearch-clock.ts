/** The clocks of the nodes, as each says with its figures. */
import { at, textAt } from '../../search/opensearch/json.ts';
import { type Check, onOpenSearch } from '../check.ts';
import { judgeClock } from '../engine-clock.ts';
import { unknown } from '../finding.ts';
import { notTold } from '../opensearch-answers.ts';

export const openSearchClock: Check = {
  about: 'search clock',
  applies: onOpenSearch,
  async examine({ openSearch }) {
    const probe = await openSearch();
    const beforeMs = Date.now();
    const stats = await probe.get('_nodes/stats/os');
    const afterMs = Date.now();
    if (stats.status !== 200) return [notTold(stats, 'what time it has', 'monitor on the cluster')];
    const findings = Object.values(Object(at(stats.body, 'nodes'))).flatMap((node) => {
      const thereMs = Number(at(node, 'timestamp'));
      if (!(thereMs > 0)) return [];
      return [judgeClock({ whose: textAt(node, 'name') ?? 'a node', beforeMs, thereMs, afterMs })];
    });
    return findings.length > 0 ? findings : [unknown('it does not tell what time it has')];
  },
};
