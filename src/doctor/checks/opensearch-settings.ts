/** Settings of the cluster that writes and queries need, and how full the memory of its nodes is. */
import type { Config } from '../../config/schema.ts';
import { DOCTOR_LIMITS, OPENSEARCH_LIMITS, QUERY_LIMITS } from '../../lib/limits.ts';
import { count } from '../../lib/plural.ts';
import { formatSize } from '../../lib/units.ts';
import { EXPENSIVE } from '../../search/opensearch/cluster.ts';
import { at, textAt } from '../../search/opensearch/json.ts';
import { type Check, onOpenSearch } from '../check.ts';
import { engineBytes, resetRequest, settingOf } from '../cluster-settings.ts';
import { type Finding, warning, well, wrong } from '../finding.ts';
import { notTold } from '../opensearch-answers.ts';

export const openSearchSettings: Check = {
  about: 'search settings',
  applies: onOpenSearch,
  async examine({ config, openSearch }) {
    const probe = await openSearch();
    const { settings } = probe;
    const findings: Finding[] = [];
    if (settings.status !== 200) findings.push(notTold(settings, 'its settings', 'monitor on the cluster'));
    else findings.push(...judgeSettings(settings.body, config));
    const stats = await probe.get('_nodes/stats/jvm');
    return [...findings, ...(stats.status === 200 ? heaps(stats.body) : [])];
  },
};

/** A setting that keeps Spillway from working where it has some values. */
interface Rule {
  readonly name: string;
  /** What it is where nobody has set it. */
  readonly good: string;
  /** What does not work then; undefined where the value is as it has to be. */
  judge(value: string, config: Config): { readonly state: 'warning' | 'wrong'; readonly found: string } | undefined;
  /** Where another request than the one that takes it back mends it. */
  readonly mend?: (request: string) => string;
}

const READ_ONLY = 'the cluster is read-only: nothing can be written, and events wait in the queue';
/** Of a histogram with all its bars, each with all the values that are told apart. */
const BUCKETS = QUERY_LIMITS.buckets * (1 + QUERY_LIMITS.series);
const ALLOCATION = 'cluster.routing.allocation.enable';

const RULES: readonly Rule[] = [
  blockRule('cluster.blocks.read_only', READ_ONLY),
  blockRule('cluster.blocks.read_only_allow_delete', READ_ONLY),
  {
    ...blockRule('cluster.blocks.create_index', 'no new slice can be made: events of a new day wait in the queue'),
    mend: (request) =>
      `OpenSearch sets it where the disks are past their high watermark, and lifts it when there is room again: free space on them. Where there is, ${request}`,
  },
  { name: ALLOCATION, good: 'all', judge: allocation },
  {
    name: EXPENSIVE,
    good: 'true',
    judge: (value) =>
      value === 'false' ? bad(`${EXPENSIVE} is false, and patterns and ranges of texts need it`) : undefined,
  },
  leastRule('indices.query.bool.max_clause_count', '1024', QUERY_LIMITS.nodes, 'clauses'),
  leastRule('search.max_buckets', '65535', BUCKETS, 'buckets (of a histogram by a field)'),
  {
    name: 'http.max_content_length',
    good: '100mb',
    judge: contentLength,
    mend: () =>
      'Set http.max_content_length: 100mb, as it comes, in opensearch.yml of its nodes, and start them again.',
  },
];

export function judgeSettings(settings: unknown, config: Config): readonly Finding[] {
  const findings = RULES.flatMap(({ name, good, judge, mend = (request) => request }): Finding[] => {
    const setting = settingOf(settings, name);
    const verdict = setting && judge(setting.value, config);
    if (verdict === undefined) return [];
    const what = verdict.state === 'wrong' ? wrong : warning;
    return [what(verdict.found, mend(resetRequest(name, setting ?? { value: good, level: 'persistent' }, good)))];
  });
  return findings.length > 0 ? findings : [well('none keeps writes or queries of any kind away')];
}

const bad = (found: string) => ({ state: 'wrong', found }) as const;

function blockRule(name: string, what: string): Rule {
  return { name, good: 'false', judge: (value) => (value === 'true' ? bad(`${name} is true, so ${what}`) : undefined) };
}

/** What a question may need at the limits of the query language and of answers; a cluster that has less refuses it. */
function leastRule(name: string, good: string, least: number, what: string): Rule {
  const judge = (value: string) =>
    Number(value) < least
      ? bad(`${name} is ${value}, so questions with more ${what} are refused, and they may have ${count(least)}`)
      : undefined;
  return { name, good, judge };
}

function allocation(value: string, { search }: Config) {
  if (value === 'none') return bad(`${ALLOCATION} is none, so no node gets the shards of a new slice: its events wait`);
  const isSet = `${ALLOCATION} is ${value}`;
  if (value === 'new_primaries') {
    const found = `${isSet}, so the shards of a node that starts again are not there, and copies are not made`;
    return { state: 'warning', found } as const;
  }
  if (value !== 'primaries' || search.index.replicas === 0) return undefined;
  return { state: 'warning', found: `${isSet}, so copies of shards are not made` } as const;
}

function contentLength(value: string) {
  const bytes = engineBytes(value);
  if (bytes === undefined || bytes >= OPENSEARCH_LIMITS.requestBytes) return undefined;
  const found = `http.max_content_length is ${value}, less than a request of the store (${formatSize(OPENSEARCH_LIMITS.requestBytes)}): an event that is larger as it is sent becomes a dead letter`;
  return { state: 'warning', found } as const;
}

function heaps(body: unknown): readonly Finding[] {
  return Object.values(Object(at(body, 'nodes'))).flatMap((node) => {
    const percent = Number(at(node, 'jvm', 'mem', 'heap_used_percent'));
    if (!(percent >= DOCTOR_LIMITS.heapPercent)) return [];
    const mend = 'Give it more heap (-Xmx, half of its memory), or have fewer shards.';
    return [warning(`${textAt(node, 'name') ?? 'a node'} uses ${percent} % of its heap`, mend)];
  });
}
