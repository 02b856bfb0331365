/** Whether the user may do what the store does, as far as that can be tried without changing anything. */
import type { Answer } from '../../search/opensearch/client.ts';
import { sharedIndex } from '../../search/opensearch/cluster-document.ts';
import { aliasOf } from '../../search/opensearch/mapping.ts';
import { type Check, onOpenSearch } from '../check.ts';
import { well, wrong } from '../finding.ts';
import { ourIndices } from '../our-indices.ts';

export const openSearchRights: Check = {
  about: 'rights in search',
  applies: onOpenSearch,
  async examine({ config, openSearch }) {
    const probe = await openSearch();
    const { prefix } = config.search.index;
    const quiet = 'ignore_unavailable=true&allow_no_indices=true';
    const tried: readonly (readonly [right: string, answer: Answer])[] = [
      ['manage_index_templates', await probe.post(`_index_template/_simulate_index/${prefix}-slice-doctor`, {})],
      [`manage on ${prefix}-*`, await probe.get(`${ourIndices(prefix)}/_settings?${quiet}`)],
      [`read on ${prefix}-*`, await probe.get(`${aliasOf(prefix)}/_search?size=0&${quiet}`)],
      [`read on ${sharedIndex(prefix)}`, await probe.get(`${sharedIndex(prefix)}/_doc/slices?_source=false`)],
    ];
    const refused = tried.filter(([, { status }]) => status === 401 || status === 403).map(([right]) => right);
    if (refused.length === 0) return [well('the user may do all that was tried (writing is not)')];
    const user = config.search.username ?? 'of this cluster without a name';
    return refused.map((right) =>
      wrong(`the user ${user} lacks ${right}`, 'Give it the rights that docs/engines/opensearch.md lists.'),
    );
  },
};
