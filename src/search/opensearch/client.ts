/**
 * Requests to the nodes of a cluster, in JSON over HTTP(S). A request that is aborted closes its connection, and the
 * engine then ends the work of a search. A node that cannot be reached is left alone for a while and the next is asked.
 */
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { connectionProblem, otherScheme } from './connection-problem.ts';

export interface ClientOptions {
  /** Such as `https://search-1:9200`, all of one cluster. */
  readonly nodes: readonly string[];
  readonly username?: string;
  readonly password?: string;
  /** Certificates (PEM) that are trusted instead of the system's. */
  readonly ca?: string;
  /** False trusts any certificate. */
  readonly verify?: boolean;
}

export interface Call {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /** An object is sent as JSON, bytes as lines of it. */
  readonly body?: Readonly<Record<string, unknown>> | readonly Buffer[];
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export interface Answer {
  readonly status: number;
  /** The parsed body; undefined where there is none. */
  readonly body: unknown;
}

/** No node could be asked, or the connection broke: whether a write took place is not known. */
export class Unreachable extends Error {}

/** Node's name of what is wrong with a certificate; undefined where the failure is another one. */
export function certificateProblem(thrown: unknown): string | undefined {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return /CERT|SELF_SIGNED|SIGNATURE|ISSUER/.test(code) ? code : undefined;
}

interface Node {
  readonly url: URL;
  pausedUntilMs: number;
}

export class Client {
  readonly #nodes: readonly Node[];
  readonly #headers: Readonly<Record<string, string>>;
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: OPENSEARCH_LIMITS.connections });
  readonly #https: HttpsAgent;
  /** Under way. */
  readonly #requests = new Set<ClientRequest>();
  #next = 0;
  #isEnded = false;

  constructor({ nodes, username, password = '', ca, verify = true }: ClientOptions) {
    this.#nodes = nodes.map((node) => ({ url: new URL(node), pausedUntilMs: 0 }));
    const basic = Buffer.from(`${username}:${password}`).toString('base64');
    this.#headers = username === undefined ? {} : { authorization: `Basic ${basic}` };
    this.#https = new HttpsAgent({
      keepAlive: true,
      maxSockets: OPENSEARCH_LIMITS.connections,
      rejectUnauthorized: verify,
      ...(ca === undefined ? {} : { ca }),
    });
  }

  /** The answer, whatever its status. Rejects with Unreachable, or what the signal was aborted with. */
  async call(call: Call): Promise<Answer> {
    let failure: unknown;
    let reason = '';
    // Once more than there are nodes: a connection that was kept may have ended meanwhile. Every call may be repeated.
    for (let attempt = 0; attempt <= this.#nodes.length; attempt++) {
      const node = this.#pick();
      if (node === undefined || this.#isEnded) break;
      try {
        return await this.#ask(node, call);
      } catch (thrown) {
        call.signal?.throwIfAborted();
        if (thrown instanceof SpillwayError) throw thrown;
        node.pausedUntilMs = performance.now() + OPENSEARCH_LIMITS.nodePauseMs;
        failure = thrown;
        const scheme = node.url.protocol === 'https:' ? otherScheme(node.url.href, thrown) : undefined;
        const advice = scheme === undefined ? '' : ` (write ${scheme} in search.nodes, or turn TLS on there)`;
        reason = connectionProblem(node.url.href, thrown) + advice;
      }
    }
    if (this.#isEnded) throw new Unreachable('OpenSearch is not asked any more: this process ends', { cause: failure });
    const names = this.#nodes.map(({ url }) => url.origin).join(', ');
    throw new Unreachable(`OpenSearch at ${names} cannot be reached: ${reason}`, { cause: failure });
  }

  /** Ends what is under way, and asks nothing any more: whatever would, fails. */
  end(): void {
    this.#isEnded = true;
    for (const request of this.#requests) request.destroy(new Error('this process ends'));
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  /** In turn; where all are paused, the one that has been for the longest. */
  #pick(): Node | undefined {
    const now = performance.now();
    for (let i = 0; i < this.#nodes.length; i++) {
      const node = this.#nodes[this.#next++ % this.#nodes.length];
      if (node !== undefined && node.pausedUntilMs <= now) return node;
    }
    return this.#nodes.toSorted((a, b) => a.pausedUntilMs - b.pausedUntilMs)[0];
  }

  #ask({ url }: Node, { method, path, body, signal, timeoutMs = OPENSEARCH_LIMITS.writeMs }: Call): Promise<Answer> {
    const pieces = body === undefined ? [] : isPieces(body) ? body : [Buffer.from(JSON.stringify(body))];
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const type = body !== undefined && isPieces(body) ? 'application/x-ndjson' : 'application/json';
    const secure = url.protocol === 'https:';
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const request = (secure ? httpsRequest : httpRequest)(new URL(join(url, path)), {
      method,
      agent: secure ? this.#https : this.#http,
      headers: { ...this.#headers, ...(body && { 'content-type': type, 'content-length': length }) },
      ...(signal && { signal }),
    });
    // Also where bytes trickle: the time of a call is that of all of it.
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    this.#requests.add(request);
    request.on('error', reject);
    request.once('response', (response) => readAnswer(response).then(resolve, reject));
    for (const piece of pieces) request.write(piece);
    request.end();
    return promise.finally(() => {
      clearTimeout(timer);
      this.#requests.delete(request);
    });
  }
}

function isPieces(body: NonNullable<Call['body']>): body is readonly Buffer[] {
  return Array.isArray(body);
}

function join(url: URL, path: string): string {
  return `${url.origin}${url.pathname.replace(/\/$/, '')}/${path}`;
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > OPENSEARCH_LIMITS.answerBytes) {
      response.destroy();
      const message = `The answer of OpenSearch is larger than ${OPENSEARCH_LIMITS.answerBytes} bytes. Ask for fewer events at a time.`;
      throw new SpillwayError('QUERY_MEMORY', message);
    }
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  return { status: response.statusCode ?? 0, body: parse(text) };
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // A proxy on the way may answer in HTML.
    return text;
  }
}
