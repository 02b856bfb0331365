/** What is wrong with a node of OpenSearch that does not answer, or not as a node does. */
import type { Answer } from '../search/opensearch/client.ts';
import { NOT_A_NODE, notANode } from '../search/opensearch/cluster.ts';
import { problemOf } from '../search/opensearch/errors.ts';
import { type Finding, warning, wrong } from './finding.ts';
import type { AskedNode } from './opensearch-probe.ts';

const SILENT =
  'Look at that node: whether its process stands still (stopped, swapping, out of heap), whether its disk is full or hangs, and whether a firewall is between. Events wait in the queue meanwhile.';
const RIGHTS = 'Give its role the rights that docs/engines/opensearch.md lists.';
const BEHIND =
  'Look at what is there before the nodes (a proxy, a load balancer), and whether the nodes behind it run. Events wait in the queue meanwhile.';

/** A node that is away is a warning while others answer (`isDown` is false). */
export function nodeVerdict(node: AskedNode, isDown: boolean, username: string | undefined): Finding {
  const { url, answer, reason, isSilent, otherScheme } = node;
  const say = isDown ? wrong : warning;
  if (answer !== undefined) return answerVerdict(url, answer, username, say);
  if (isSilent) return say(reason, SILENT);
  const found = `${url} cannot be reached: ${reason}`;
  if (otherScheme === 'http://') return wrong(found, 'Write http:// in search.nodes, or turn TLS on there.');
  if (otherScheme === 'https://') {
    const mend =
      'Write https:// in search.nodes where it speaks TLS; else look at its log for why it closes connections.';
    return say(found, mend);
  }
  if (/certificate|self.signed|issuer|altnames/i.test(reason)) {
    return wrong(found, 'Name the certificates that sign it in search.tls.ca.');
  }
  return say(
    found,
    'Look whether that node runs, and whether a firewall is between. Events wait in the queue meanwhile.',
  );
}

function answerVerdict(url: string, answer: Answer, username: string | undefined, say: typeof wrong): Finding {
  const { status, body } = answer;
  if (status === 401) {
    if (username !== undefined) {
      return wrong(`${url} refuses the credentials (401)`, 'Look at search.username and search.password.');
    }
    return wrong(`${url} asks who asks (401)`, 'Set search.username and search.password.');
  }
  const { type, reason } = problemOf(answer);
  if (status === 403 && type === 'security_exception') {
    const [, right] = /no permissions for \[([^\]]+)\]/.exec(reason) ?? [];
    const lacks = right === undefined ? reason : `it lacks ${right}`;
    return wrong(`${url} does not let the user ${username ?? 'without a name'} ask what it is (403): ${lacks}`, RIGHTS);
  }
  if (status === 200) return wrong(`${url}: ${notANode(body)}`, NOT_A_NODE);
  const said = (typeof body === 'string' ? '' : reason).slice(0, 300);
  const found = `${url} answers ${status}, not as OpenSearch would${said === '' ? '' : ` (${said})`}`;
  if (typeof body === 'string' && /plain HTTP request .*HTTPS port/i.test(body)) {
    return wrong(`${found}: it speaks TLS`, 'Write https:// in search.nodes.');
  }
  if (status === 429 || status >= 500) return say(found, BEHIND);
  return wrong(found, NOT_A_NODE);
}
