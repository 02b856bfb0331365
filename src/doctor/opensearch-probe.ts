/**
 * A cluster of OpenSearch as it is now: each node is asked once, for a bounded time, and then the cluster once, through a
 * node that has a cluster manager. Where that does not answer nothing else is asked: one check says it for all.
 */
import { messageOf } from '../lib/errors.ts';
import { DOCTOR_LIMITS } from '../lib/limits.ts';
import { type Answer, type Call, Client, type ClientOptions } from '../search/opensearch/client.ts';
import { type ClusterVersion, versionOf } from '../search/opensearch/cluster.ts';
import { hasNoManager } from '../search/opensearch/cluster-state.ts';
import { connectionProblem, otherScheme } from '../search/opensearch/connection-problem.ts';
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
  /** By how it failed it may be one to which the address has to begin so. */
  readonly otherScheme: ReturnType<typeof otherScheme>;
  /** False where it says that it knows no cluster manager. */
  readonly hasManager: boolean;
}

export class OpenSearchProbe {
  readonly nodes: readonly AskedNode[];
  /** Of the first node that answers, and as a node does. One that cannot be used is asked nothing more. */
  readonly version: ClusterVersion | undefined;
  /** Why the cluster is asked nothing, though a node answers. */
  readonly silence: string | undefined;
  readonly #settings: Answer | undefined;

  private constructor(nodes: readonly AskedNode[], settings: Answer | TooLate | undefined) {
    this.nodes = nodes;
    const first = firstOf(nodes);
    this.version = first && versionOf(first.answer?.body);
    this.#settings = settings instanceof TooLate ? undefined : settings;
    if (settings instanceof TooLate) this.silence = messageOf(settings);
    else if (settings !== undefined && hasNoManager(settings)) this.silence = NO_MANAGER;
    else if (first?.hasManager === false) this.silence = NO_MANAGER;
  }

  static async open(options: ClientOptions): Promise<OpenSearchProbe> {
    const nodes = await Promise.all(options.nodes.map((url) => askNode(new Client({ ...options, nodes: [url] }), url)));
    const first = firstOf(nodes);
    if (first?.hasManager !== true || versionOf(first.answer?.body).refusal !== undefined)
      return new OpenSearchProbe(nodes, undefined);
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
    if (this.version?.refusal !== undefined) throw new NotAsked('not asked: its version cannot be used');
    if (this.silence === NO_MANAGER) throw new NotAsked('not asked: the cluster has no cluster manager');
    if (this.silence !== undefined) throw new NotAsked('not asked: the cluster does not answer');
    return node;
  }
}

export const NO_MANAGER = 'it has no cluster manager';

/** With success, and as a node of some version does. */
export function answersAsNode({ answer }: AskedNode): boolean {
  return answer?.status === 200 && versionOf(answer.body).version !== '';
}

function firstOf(nodes: readonly AskedNode[]): AskedNode | undefined {
  const answering = nodes.filter(answersAsNode);
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
    return { ...node, answer, reason: '', isSilent: false, otherScheme: undefined, hasManager };
  } catch (thrown) {
    const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
    const isSilent = thrown instanceof TooLate;
    const reason = isSilent ? messageOf(cause) : connectionProblem(url, cause);
    const unasked = { answer: undefined, hasManager: false, otherScheme: otherScheme(url, cause) };
    return { ...node, ...unasked, reason, isSilent };
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
