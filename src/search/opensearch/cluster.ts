/** What a cluster must be, and what it is given before anything is written. */
import { SpillwayError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { Client } from './client.ts';
import { at, textAt } from './json.ts';
import { type IndexOptions, indexTemplate } from './mapping.ts';
import { ask, failed } from './slice-indices.ts';

const OLDEST = { opensearch: [2, 19], elasticsearch: [8, 0] } as const;

/** The cluster's name that no other has. Rejects with Unreachable while it cannot be asked; with CONFIG_INVALID where that will not change. */
export async function prepareCluster(client: Client, index: IndexOptions, log: Logger): Promise<string> {
  const info = await client.call({ method: 'GET', path: '' });
  if (info.status === 401 || info.status === 403) {
    throw refused('OpenSearch refuses the credentials', 'Check search.username and search.password.');
  }
  if (info.status !== 200) throw failed('OpenSearch does not say what it is', info);
  const name = textAt(info.body, 'version', 'distribution') === 'opensearch' ? 'opensearch' : 'elasticsearch';
  const version = textAt(info.body, 'version', 'number') ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST[name];
  if (!(major > oldestMajor || (major === oldestMajor && minor >= oldestMinor))) {
    throw refused(
      `search.nodes is ${name} ${version || 'of no known version'}`,
      'OpenSearch 2.19 or later is needed (or Elasticsearch 8).',
    );
  }
  log.info({ name, version, cluster: textAt(info.body, 'cluster_name') }, 'The search engine is a cluster');
  if (name === 'elasticsearch')
    log.warn('Elasticsearch speaks the same protocol; this version is tested with OpenSearch');
  await refuseCheapQueriesOnly(client);
  await ask(client, { method: 'PUT', path: `_index_template/${index.prefix}`, body: indexTemplate(index) });
  return textAt(info.body, 'cluster_uuid') ?? '';
}

/** A setting of the cluster that refuses patterns; managed clusters may not show their settings. */
async function refuseCheapQueriesOnly(client: Client): Promise<void> {
  const path = '_cluster/settings?include_defaults=true&flat_settings=true';
  const { status, body } = await client.call({ method: 'GET', path });
  if (status !== 200) return;
  const name = 'search.allow_expensive_queries';
  const set = ['transient', 'persistent', 'defaults'].map((level) => at(body, level, name)).find((value) => value);
  if (set !== 'false' && set !== false) return;
  throw refused(`The cluster has ${name} set to false`, 'Patterns and ranges of texts need it: set it to true.');
}

function refused(what: string, advice: string): SpillwayError {
  return new SpillwayError('CONFIG_INVALID', `${what}. ${advice}`);
}
