/** What a cluster must be, and what it is given before anything is written. */
import { SpillwayError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { ask, failed } from './ask.ts';
import type { Client } from './client.ts';
import { sharedIndex, sharedIndexTemplate } from './cluster-document.ts';
import { problemOf } from './errors.ts';
import { at, textAt } from './json.ts';
import { type IndexOptions, indexTemplate } from './mapping.ts';

const OLDEST = { opensearch: [2, 19], elasticsearch: [8, 0] } as const;
const NAMES = { opensearch: 'OpenSearch', elasticsearch: 'Elasticsearch' } as const;
const SAID_CHARS = 60;
export const NOT_A_NODE = 'Look whether the address is right, and what a proxy or load balancer there does with it.';
export const EXPENSIVE = 'search.allow_expensive_queries';

/** The cluster's name that no other has. Rejects with Unreachable while it cannot be asked; with CONFIG_INVALID where that will not change. */
export async function prepareCluster(client: Client, index: IndexOptions, log: Logger): Promise<string> {
  const info = await client.call({ method: 'GET', path: '' });
  if (info.status === 401) {
    throw refused('OpenSearch refuses the credentials', 'Check search.username and search.password.');
  }
  if (info.status === 403) {
    const what = `The user of search.username may not ask OpenSearch what it is (${problemOf(info).reason})`;
    throw refused(what, 'Give it the rights that docs/engines/opensearch.md lists.');
  }
  if (info.status !== 200) throw failed('OpenSearch does not say what it is', info);
  const { name, version, refusal } = versionOf(info.body);
  if (refusal !== undefined) throw refused(refusal.what, refusal.mend);
  log.info({ name, version, cluster: textAt(info.body, 'cluster_name') }, 'The search engine is a cluster');
  if (name === 'elasticsearch')
    log.warn('Elasticsearch speaks the same protocol; this version is tested with OpenSearch');
  await refuseCheapQueriesOnly(client);
  const templates = { [index.prefix]: indexTemplate(index), [sharedIndex(index.prefix)]: sharedIndexTemplate(index) };
  for (const [template, body] of Object.entries(templates)) {
    await ask(client, { method: 'PUT', path: `_index_template/${template}`, body });
  }
  return textAt(info.body, 'cluster_uuid') ?? '';
}

export interface ClusterVersion {
  readonly name: keyof typeof OLDEST;
  readonly version: string;
  /** Why it cannot be used. */
  readonly refusal?: { readonly what: string; readonly mend: string };
}

/** Of what `GET /` answers. */
export function versionOf(info: unknown): ClusterVersion {
  const name = textAt(info, 'version', 'distribution') === 'opensearch' ? 'opensearch' : 'elasticsearch';
  const version = textAt(info, 'version', 'number') ?? '';
  if (version === '') return { name, version, refusal: { what: notANode(info), mend: NOT_A_NODE } };
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST[name];
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return { name, version };
  const what = `search.nodes is ${NAMES[name]} ${version}`;
  return { name, version, refusal: { what, mend: 'OpenSearch 2.19 or later is needed (or Elasticsearch 8).' } };
}

/** What answers `GET /` with success and is no node: a proxy on the way, or another server. */
export function notANode(info: unknown): string {
  const said = typeof info === 'string' ? info : JSON.stringify(info ?? '');
  const begins = said.replaceAll(/\s+/g, ' ').slice(0, SAID_CHARS);
  return `What answers at search.nodes is not OpenSearch: it says ${JSON.stringify(begins)}`;
}

/** Of its settings, flat and with defaults. */
export function refusesExpensiveQueries(settings: unknown): boolean {
  const levels = ['transient', 'persistent', 'defaults'].map((level) => at(settings, level, EXPENSIVE));
  const set = levels.find((value) => value !== undefined);
  return set === 'false' || set === false;
}

/** A setting of the cluster that refuses patterns; managed clusters may not show their settings. */
async function refuseCheapQueriesOnly(client: Client): Promise<void> {
  const path = '_cluster/settings?include_defaults=true&flat_settings=true';
  const { status, body } = await client.call({ method: 'GET', path });
  if (status !== 200) return;
  if (!refusesExpensiveQueries(body)) return;
  throw refused(`The cluster has ${EXPENSIVE} set to false`, 'Patterns and ranges of texts need it: set it to true.');
}

function refused(what: string, advice: string): SpillwayError {
  return new SpillwayError('CONFIG_INVALID', `${what}. ${advice}`);
}
