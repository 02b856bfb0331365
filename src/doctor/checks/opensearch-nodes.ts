/** Whether the nodes answer, take the password, and are of a version that can be used. */
import { versionOf } from '../../search/opensearch/cluster.ts';
import { type Check, onOpenSearch } from '../check.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';
import type { AskedNode } from '../opensearch-probe.ts';

export const openSearchNodes: Check = {
  about: 'search nodes',
  applies: onOpenSearch,
  async examine({ openSearch }) {
    const { nodes } = await openSearch();
    const failed = nodes.filter(({ answer }) => answer?.status !== 200);
    const isDown = failed.length === nodes.length;
    const findings = failed.map((node) => verdict(node, isDown));
    const first = nodes.find(({ answer }) => answer?.status === 200);
    if (first === undefined) return findings;
    const { name, version, refusal } = versionOf(first.answer?.body);
    const what = `${name === 'opensearch' ? 'OpenSearch' : 'Elasticsearch'} ${version}`;
    if (refusal !== undefined) return [...findings, wrong(refusal.what, refusal.mend)];
    if (name === 'elasticsearch') {
      findings.push(
        warning(`it is ${what}, which speaks the same protocol and is not tested`, 'Use OpenSearch 2.19 or later.'),
      );
    }
    return [...findings, well(`${nodes.length - failed.length} of ${nodes.length} nodes answer, with ${what}`)];
  },
};

function verdict({ url, answer, reason }: AskedNode, isDown: boolean): Finding {
  if (answer?.status === 401 || answer?.status === 403) {
    return wrong(`${url} refuses the credentials (${answer.status})`, 'Look at search.username and search.password.');
  }
  if (answer !== undefined) {
    return wrong(`${url} answers ${answer.status}, not as OpenSearch would`, 'Look whether the address is right.');
  }
  const found = `${url} cannot be reached: ${reason}`;
  if (/certificate|self.signed|issuer|altnames/i.test(reason)) {
    return wrong(found, 'Name the certificates that sign it in search.tls.ca.');
  }
  const mend = 'Look whether that node runs, and whether a firewall is between. Events wait in the queue meanwhile.';
  return isDown ? wrong(found, mend) : warning(found, mend);
}
