/** A server in front of a node that refuses requests or breaks their connections, before or after the node has answered. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Meddling =
  | 'pass'
  | 'cut before'
  | 'cut after'
  | 'dropped item'
  | keyof typeof ITEMS
  | keyof typeof REFUSALS;

export class Meddler {
  readonly #server: Server;
  readonly #node: string;
  /** Asked for each request, which waits for the answer. */
  meddle: (path: string, body: string, method: string) => Meddling | Promise<Meddling> = () => 'pass';
  /** A request with a larger body is refused before it is read, with nothing said, as OpenSearch does. */
  limitBytes = Number.POSITIVE_INFINITY;
  /** How often it did not just pass a request. */
  meddled = 0;

  private constructor(node: string) {
    this.#node = node;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => request.socket.destroy());
    });
  }

  static async start(node: string): Promise<Meddler> {
    const meddler = new Meddler(node);
    await new Promise<void>((resolve) => void meddler.#server.listen(0, '127.0.0.1', resolve));
    return meddler;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (Number(request.headers['content-length'] ?? 0) > this.limitBytes) {
      this.meddled++;
      request.resume();
      return void response.writeHead(413).end();
    }
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
    const what = await this.meddle(request.url ?? '', body.toString(), request.method ?? '');
    if (what !== 'pass') this.meddled++;
    if (what === 'cut before') return void request.socket.destroy();
    if (Object.hasOwn(REFUSALS, what)) {
      const [status, error] = REFUSALS[what as keyof typeof REFUSALS];
      response.writeHead(status, { 'content-type': 'application/json' });
      return void response.end(JSON.stringify({ error, status }));
    }
    const { method = 'GET', headers } = request;
    const type = headers['content-type'] ?? 'application/json';
    if (what === 'dropped item') {
      response.writeHead(200, { 'content-type': 'application/json' });
      return void response.end(await withoutFirst(body, (rest) => this.#forward(method, request.url, type, rest)));
    }
    const answer = await this.#forward(method, request.url, type, body);
    const text = await answer.text();
    if (what === 'cut after') return void request.socket.destroy();
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' });
    response.end(what === 'pass' ? text : withFirstItem(text, ITEMS[what as keyof typeof ITEMS]));
  }

  #forward(method: string, path: string | undefined, type: string, body: Buffer<ArrayBuffer>): Promise<Response> {
    return fetch(this.#node + path, { method, ...(body.length > 0 && { body, headers: { 'content-type': type } }) });
  }
}

/** As OpenSearch 3.8.0 says it of an index that is just being made. */
const STARTING = {
  root_cause: [],
  type: 'search_phase_execution_exception',
  reason: 'all shards failed',
  phase: 'query',
  grouped: true,
  failed_shards: [],
};
const BLOCKED = 'blocked by: [FORBIDDEN/10/cluster create-index blocked (api)];';
const READ_ONLY = 'index [x] blocked by: [FORBIDDEN/6/cluster read-only (api)];';
const BUSY = { type: 'rejected_execution_exception', reason: 'full' };

const REFUSALS = {
  busy: [429, BUSY],
  starting: [503, STARTING],
  'makes no index': [403, { type: 'index_create_block_exception', reason: BLOCKED }],
  'read-only': [403, { type: 'cluster_block_exception', reason: READ_ONLY }],
  'no manager': [503, { type: 'cluster_manager_not_discovered_exception', reason: null }],
} as const;

/** What is said of the first row, though it was taken (the next attempt meets its document), or of the first document that is read. */
const ITEMS = {
  'busy item': { status: 429, error: BUSY },
  'unreadable item': { status: 400, error: { type: 'mapper_parsing_exception', reason: 'failed to parse field [o]' } },
  'no shard': { status: 503, error: { type: 'no_shard_available_action_exception', reason: 'No shard available' } },
} as const;

function withFirstItem(text: string, said: (typeof ITEMS)[keyof typeof ITEMS]): string {
  const answer = JSON.parse(text);
  if (Array.isArray(answer.items) && answer.items.length > 0) {
    answer.items[0] = { create: said };
    answer.errors = true;
  }
  if (Array.isArray(answer.docs) && answer.docs.length > 0) answer.docs[0] = said;
  return JSON.stringify(answer);
}

/** A processor `drop` of a pipeline: the first row is not stored, which OpenSearch answers as no error. */
async function withoutFirst(body: Buffer<ArrayBuffer>, send: (rest: Buffer<ArrayBuffer>) => Promise<Response>) {
  const rest = body.subarray(body.indexOf('\n', body.indexOf('\n') + 1) + 1);
  const answer = rest.length === 0 ? { errors: false, items: [] } : await (await send(rest)).json();
  answer.items.unshift({ create: { status: 200 } });
  return JSON.stringify(answer);
}
