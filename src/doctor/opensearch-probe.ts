/**
 * A cluster of OpenSearch as it is now: each node is asked once, for a bounded time, and then the cluster once, through a
 * node that has a cluster manager. Where that does not answer nothing else is asked: one check says it for all.
 */
import { messageOf } from '../lib/errors.ts';
import { DOCTOR_LIMITS } from '../lib/limits.ts';
import { type Answer, type Call, Client, type ClientOptions } from '../search/opensearch/client.ts';
import { hasNoManager } from '../search/opensearch/cluster-state.ts';
import { at } from '../search/opensearch/json.ts';
import { CLUSTER_SETTINGS } from './cluster-settings.ts';
import { NotAsked, TooLate } from './finding.ts';

export interface AskedNode {
  readonly url: string;
  readonly client: Client;
  /** To `GET /`; undefined where there was none. */
  readonly answer: Answer | undefined;
  readonly reason: string;
  /** It has taken the connection, or might have, and said nothing. */
  readonly isSilent: boolean;
  /** False where it says that it knows no cluster manager. */
  readonly hasManager: boolean;
}

export class OpenSearchProbe {
  readonly nodes: readonly AskedNode[];
  /** Why the cluster is asked nothing, though a node answers. */
  readonly silence: string | undefined;
  readonly #settings: Answer | undefined;

  private constructor(nodes: readonly AskedNode[], settings: Answer | TooLate | undefined) {
    this.nodes = nodes;
    this.#settings = settings instanceof TooLate ? undefined : settings;
    if (settings instanceof TooLate) this.silence = messageOf(settings);
    else if (settings !== undefined && hasNoManager(settings)) this.silence = NO_MANAGER;
    else if (firstOf(nodes)?.hasManager === false) this.silence = NO_MANAGER;
  }

  static async open(options: ClientOptions): Promise<OpenSearchProbe> {
    const nodes = await Promise.all(options.nodes.map((url) => askNode(new Client({ ...options, nodes: [url] }), url)));
    const first = firstOf(nodes);
    if (first?.hasManager !== true) return new OpenSearchProbe(nodes, undefined);
    const settings = await bounded(first, { method: 'GET', path: CLUSTER_SETTINGS }).catch((thrown: unknown) => {
      if (thrown instanceof TooLate) return thrown;
      throw thrown;
    });
    return new OpenSearchProbe(nodes, settings);
  }

  /** What `GET /` of the first node that answers says. Throws NotAsked. */
  get info(): unknown {
    return this.#first().answer?.body;
  }

  /** Of the cluster, flat and with defaults. Throws NotAsked. */
  get settings(): Answer {
    this.#first();
    if (this.#settings === undefined) throw new NotAsked('not asked: no node could be asked');
    return this.#settings;
  }

  /** Throws NotAsked where no node has answered, or not with what it is, or the cluster does not; TooLate. */
  async get(path: string): Promise<Answer> {
    return bounded(this.#first(), { method: 'GET', path });
  }

  async post(path: string, body: Readonly<Record<string, unknown>>): Promise<Answer> {
    return bounded(this.#first(), { method: 'POST', path, body });
  }

  close(): void {
    for (const { client } of this.nodes) client.close();
  }

  #first(): AskedNode {
    const node = firstOf(this.nodes);
    if (node === undefined) throw new NotAsked('not asked: no node could be asked');
    if (this.silence === NO_MANAGER) throw new NotAsked('not asked: the cluster has no cluster manager');
    if (this.silence !== undefined) throw new NotAsked('not asked: the cluster does not answer');
    return node;
  }
}

export const NO_MANAGER = 'it has no cluster manager';

function firstOf(nodes: readonly AskedNode[]): AskedNode | undefined {
  const answering = nodes.filter(({ answer }) => answer?.status === 200);
  return answering.find(({ hasManager }) => hasManager) ?? answering[0];
}

async function askNode(client: Client, url: string): Promise<AskedNode> {
  const node = { url, client };
  // Answered by the node alone, also where it has no manager; a user that may not ask is told so elsewhere.
  const health = bounded(node, { method: 'GET', path: '_cluster/health?local=true' }, DOCTOR_LIMITS.connectMs).catch(
    () => undefined,
  );
  try {
    const answer = await bounded(node, { method: 'GET', path: '' }, DOCTOR_LIMITS.connectMs);
    const body = (await health)?.body;
    const hasManager = ['discovered_cluster_manager', 'discovered_master'].every((name) => at(body, name) !== false);
    return { ...node, answer, reason: '', isSilent: false, hasManager };
  } catch (thrown) {
    const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
    const isSilent = thrown instanceof TooLate;
    return { ...node, answer: undefined, reason: messageOf(cause), isSilent, hasManager: false };
  }
}

/** Throws TooLate. */
async function bounded(
  { url, client }: Pick<AskedNode, 'url' | 'client'>,
  call: Call,
  ms: number = DOCTOR_LIMITS.requestMs,
): Promise<Answer> {
  const signal = AbortSignal.timeout(ms);
  try {
    return await client.call({ ...call, signal });
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    throw new TooLate(`${url} did not answer ${call.method} /${call.path.split('?')[0]} within ${ms / 1_000} s`);
  }
}
