/** The search engine of the configuration. Only that one is loaded: the embedded one alone is half a gigabyte. */
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import type { Config } from '../config/schema.ts';
import type { RebuildOriginal } from '../event/answered.ts';
import type { Logger } from '../lib/log.ts';
import type { ClientOptions } from '../search/opensearch/client.ts';
import type { SearchEngine } from '../search/port.ts';
import { readPem } from './read-pem.ts';
import { storageOf } from './slice-options.ts';

export interface SearchEngineParts {
  readonly log: Logger;
  readonly registry: Registry;
  readonly rebuildOriginal: RebuildOriginal;
  readonly nameOfQueue: (proposed: string) => Promise<string>;
  /** Told at each attempt that a cluster does not answer, before it did for the first time. */
  readonly onAway: () => void;
}

export async function openSearchEngine(config: Config, parts: SearchEngineParts): Promise<SearchEngine> {
  const directory = join(config.data, 'search');
  switch (config.search.engine) {
    case 'embedded':
      return (await import('../search/clickhouse/engine.ts')).openClickHouse({ ...parts, directory });
    case 'opensearch': {
      const { index } = config.search;
      return (await import('../search/opensearch/engine.ts')).openOpenSearch({
        ...parts,
        directory,
        cluster: clusterOf(config),
        index: { prefix: index.prefix, shards: index.shards, replicas: index.replicas, tiers: storageOf(config) },
        refreshEveryMs: index.refreshMs,
      });
    }
  }
}

/** How its nodes are reached. Throws CONFIG_INVALID where the certificates cannot be read. */
export function clusterOf({ search }: Config): ClientOptions {
  const { nodes, username, password, tls } = search;
  return {
    nodes,
    verify: tls.verify,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls.ca === undefined ? {} : { ca: readPem('search.tls.ca', tls.ca).toString() }),
  };
}
