/** Whether the nodes answer, and the cluster through them; take the password, and are of a version that can be used. */

import { plural } from '../../lib/plural.ts';
import { versionOf } from '../../search/opensearch/cluster.ts';
import { type Check, onOpenSearch } from '../check.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';
import { type AskedNode, NO_MANAGER, type OpenSearchProbe } from '../opensearch-probe.ts';

const MANAGER =
  'More than half of the nodes that may be the cluster manager have to run and reach each other: look whether they do, at their logs, and whether their disks are full (one that cannot write ends to be it).';
const STANDS =
  'Look at the cluster manager (GET /_cat/cluster_manager?local=true names it): whether its process stands still, and whether its disk is full or hangs; its log says so. Events wait in the queue meanwhile.';
const SILENT =
  'Look at that node: whether its process stands still (stopped, swapping, out of heap), whether its disk is full or hangs, and whether a firewall is between. Events wait in the queue meanwhile.';

export const openSearchNodes: Check = {
  about: 'search nodes',
  applies: onOpenSearch,
  async examine({ openSearch }) {
    const probe = await openSearch();
    const { nodes } = probe;
    const failed = nodes.filter(({ answer }) => answer?.status !== 200);
    const isDown = failed.length === nodes.length;
    const findings = failed.map((node) => verdict(node, isDown));
    const first = nodes.find(({ answer }) => answer?.status === 200);
    if (first === undefined) return findings;
    findings.push(...clusterFindings(probe));
    const { name, version, refusal } = versionOf(first.answer?.body);
    const what = `${name === 'opensearch' ? 'OpenSearch' : 'Elasticsearch'} ${version}`;
    if (refusal !== undefined) return [...findings, wrong(refusal.what, refusal.mend)];
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
  const answering = nodes.filter(({ answer }) => answer?.status === 200);
  if (silence === NO_MANAGER) {
    const urls = answering.map(({ url }) => url).join(', ');
    return [wrong(`the cluster has no cluster manager, says ${urls}: nothing can be written`, MANAGER)];
  }
  const alone = answering
    .filter(({ hasManager }) => !hasManager)
    .map(({ url }) => warning(`${url} does not find the cluster manager that other nodes have`, MANAGER));
  return silence === undefined ? alone : [...alone, wrong(`the cluster stands still: ${silence}`, STANDS)];
}

function verdict({ url, answer, reason, isSilent }: AskedNode, isDown: boolean): Finding {
  if (answer?.status === 401 || answer?.status === 403) {
    return wrong(`${url} refuses the credentials (${answer.status})`, 'Look at search.username and search.password.');
  }
  if (answer !== undefined) {
    return wrong(`${url} answers ${answer.status}, not as OpenSearch would`, 'Look whether the address is right.');
  }
  const say = isDown ? wrong : warning;
  if (isSilent) return say(reason, SILENT);
  const found = `${url} cannot be reached: ${reason}`;
  if (/certificate|self.signed|issuer|altnames/i.test(reason)) {
    return wrong(found, 'Name the certificates that sign it in search.tls.ca.');
  }
  return say(
    found,
    'Look whether that node runs, and whether a firewall is between. Events wait in the queue meanwhile.',
  );
}
