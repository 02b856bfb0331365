/**
 * An OpenSearch of a benchmark's own. Where it is ours that is measured, the server has one processor and everything else
 * the others, so that neither takes from the other; as a peer it has all of them, as the embedded engine has.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, type Call, Client } from '../../src/search/opensearch/client.ts';
import { textAt } from '../../src/search/opensearch/json.ts';
import { findProgram } from '../../test/support/needs.ts';
import { down, up } from '../../tools/engines/lifecycle.ts';
import { opensearchIsInstalled } from '../../tools/engines/opensearch.ts';
import { placed, type ServerPlace } from './apart.ts';

/** What its distribution has. */
const HEAP = '1g';

export interface BenchOpenSearch {
  readonly url: string;
  /** Such as `OpenSearch 3.8.0`. */
  readonly name: string;
  readonly pid: number;
  /** Throws where the answer is no success. */
  ask(call: Call): Promise<unknown>;
}

export function withOpenSearch<Result>(
  place: ServerPlace,
  work: (server: BenchOpenSearch) => Promise<Result>,
): Promise<Result> {
  return placed(place, async ({ kept, count }) => {
    const data = await mkdtemp(join(tmpdir(), 'spillway-bench-opensearch-'));
    // The server does not run as root.
    await chmod(data, 0o755);
    try {
      const settings = { 'node.processors': String(count) };
      const [node] = await up('opensearch', { data, heap: HEAP, settings, ...kept });
      if (node === undefined) throw new Error('OpenSearch did not start');
      const url = `http://${node.address}`;
      const client = new Client({ nodes: [url] });
      const ask = async (call: Call) => bodyOf(call, await client.call(call));
      const version = textAt(await ask({ method: 'GET', path: '' }), 'version', 'number') ?? '';
      try {
        return await work({ url, name: `OpenSearch ${version}`, pid: node.pid, ask });
      } finally {
        client.close();
      }
    } finally {
      await down('opensearch', { data, wipe: true });
      await rm(data, { recursive: true, force: true });
    }
  });
}

function bodyOf({ method, path }: Call, { status, body }: Answer): unknown {
  if (status < 300) return body;
  throw new Error(`${method} ${path}: ${status} ${JSON.stringify(body).slice(0, 1_000)}`);
}

/** What is missing for an OpenSearch as a peer, and how to get it. */
export async function lacksOpenSearch(): Promise<string | undefined> {
  const isThere = findProgram('java') !== undefined && (await opensearchIsInstalled());
  return isThere
    ? undefined
    : 'OpenSearch is not installed here: npm run engines -- up opensearch, and down opensearch';
}
