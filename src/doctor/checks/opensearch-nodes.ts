/** Whether the nodes answer, and the cluster through them; take the password, and are of a version that can be used. */

import { plural } from '../../lib/plural.ts';
import { type Check, onOpenSearch } from '../check.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';
import { nodeVerdict } from '../node-verdict.ts';
import { answersAsNode, NO_MANAGER, type OpenSearchProbe } from '../opensearch-probe.ts';

const MANAGER =
  'More than half of the nodes that may be the cluster manager have to run and reach each other: look whether they do, at their logs, and whether their disks are full (one that cannot write ends to be it).';
const STANDS =
  'Look at the cluster manager (GET /_cat/cluster_manager?local=true names it): whether its process stands still, and whether its disk is full or hangs; its log says so. Events wait in the queue meanwhile.';
export const openSearchNodes: Check = {
  about: 'search nodes',
  applies: onOpenSearch,
  async examine({ config, openSearch }) {
    const probe = await openSearch();
    const { nodes, version: found } = probe;
    const failed = nodes.filter((node) => !answersAsNode(node));
    const isDown = failed.length === nodes.length;
    const findings = failed.map((node) => nodeVerdict(node, isDown, config.search.username));
    if (found === undefined) return findings;
    const { name, version, refusal } = found;
    if (refusal !== undefined) return [...findings, wrong(refusal.what, refusal.mend)];
    findings.push(...clusterFindings(probe));
    const what = `${name === 'opensearch' ? 'OpenSearch' : 'Elasticsearch'} ${version}`;
    if (name === 'elasticsearch') {
      findings.push(
        warning(`it is ${what}, which speaks the same protocol and is not tested`, 'Use OpenSearch 2.19 or later.'),
      );
    }
    const answering = nodes.length - failed.length;
    return [...findings, well(`${answering} of ${plural(nodes.length, 'node answers', 'nodes answer')}, with ${what}`)];
  },
};

function clusterFindings({ nodes, silence }: OpenSearchProbe): readonly Finding[] {
  const answering = nodes.filter(answersAsNode);
  if (silence === NO_MANAGER) {
    const urls = answering.map(({ url }) => url).join(', ');
    return [wrong(`the cluster has no cluster manager, says ${urls}: nothing can be written`, MANAGER)];
  }
  const alone = answering
    .filter(({ hasManager }) => !hasManager)
    .map(({ url }) => warning(`${url} does not find the cluster manager that other nodes have`, MANAGER));
  return silence === undefined ? alone : [...alone, wrong(`the cluster stands still: ${silence}`, STANDS)];
}
