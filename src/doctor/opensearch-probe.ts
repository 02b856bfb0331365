/** A cluster of OpenSearch as it is now: each node is asked once, for a bounded time. */
import { messageOf } from '../lib/errors.ts';
import { DOCTOR_LIMITS } from '../lib/limits.ts';
import { type Answer, type Call, Client, type ClientOptions } from '../search/opensearch/client.ts';
import { NotAsked } from './finding.ts';

export interface AskedNode {
  readonly url: string;
  readonly client: Client;
  /** To `GET /`; undefined where there was none. */
  readonly answer: Answer | undefined;
  readonly reason: string;
}

export class OpenSearchProbe {
  readonly nodes: readonly AskedNode[];

  private constructor(nodes: readonly AskedNode[]) {
    this.nodes = nodes;
  }

  static async open(options: ClientOptions): Promise<OpenSearchProbe> {
    const nodes = options.nodes.map(async (url): Promise<AskedNode> => {
      const client = new Client({ ...options, nodes: [url] });
      try {
        return { url, client, answer: await bounded(client, { method: 'GET', path: '' }), reason: '' };
      } catch (thrown) {
        const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
        return { url, client, answer: undefined, reason: messageOf(cause) };
      }
    });
    return new OpenSearchProbe(await Promise.all(nodes));
  }

  /** What `GET /` of the first node that answers says. Throws NotAsked. */
  get info(): unknown {
    return this.#first().answer?.body;
  }

  /** Throws NotAsked where no node has answered, or not with what it is. */
  get(path: string): Promise<Answer> {
    return bounded(this.#first().client, { method: 'GET', path });
  }

  post(path: string, body: Readonly<Record<string, unknown>>): Promise<Answer> {
    return bounded(this.#first().client, { method: 'POST', path, body });
  }

  close(): void {
    for (const { client } of this.nodes) client.close();
  }

  #first(): AskedNode {
    const node = this.nodes.find(({ answer }) => answer?.status === 200);
    if (node === undefined) throw new NotAsked('not asked: no node could be asked');
    return node;
  }
}

function bounded(client: Client, call: Call): Promise<Answer> {
  return client.call({ ...call, signal: AbortSignal.timeout(DOCTOR_LIMITS.requestMs) });
}
