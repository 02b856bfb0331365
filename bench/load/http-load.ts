/** Requests over HTTP from several clients at a time, each on a connection that it keeps. */
import { Agent, request } from 'node:http';

export interface HttpClient {
  /** Throws where the answer is not 2xx. */
  ask(method: string, path: string, body?: Buffer): Promise<string>;
  close(): void;
}

export function httpClient(url: string, contentType: string): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    ask: (method, path, body) =>
      new Promise((resolve, reject) => {
        const headers = body === undefined ? {} : { 'content-type': contentType, 'content-length': body.length };
        const asked = request(url + path, { method, agent, headers }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            const { statusCode = 0 } = response;
            if (statusCode >= 200 && statusCode < 300) resolve(text);
            else reject(new Error(`${method} ${path}: ${statusCode} ${text.slice(0, 500)}`));
          });
        });
        asked.on('error', reject);
        asked.end(body);
      }),
    close: () => agent.destroy(),
  };
}

export interface Answered {
  readonly requestsPerS: number;
  readonly tookMs: readonly number[];
}

/** The same request again and again by so many clients, for so long. */
export async function postWhile(
  url: string,
  path: string,
  body: Buffer,
  load: { readonly clients: number; readonly seconds: number; readonly contentType: string },
): Promise<Answered> {
  const tookMs: number[] = [];
  const startMs = performance.now();
  const untilMs = startMs + load.seconds * 1_000;
  const client = async (): Promise<void> => {
    const http = httpClient(url, load.contentType);
    while (performance.now() < untilMs) {
      const askedMs = performance.now();
      await http.ask('POST', path, body);
      tookMs.push(performance.now() - askedMs);
    }
    http.close();
  };
  await Promise.all(Array.from({ length: load.clients }, client));
  return { requestsPerS: tookMs.length / ((performance.now() - startMs) / 1_000), tookMs };
}
