/** An OpenSearch of a test's own, which may be stopped, paused and filled. It does not run as root: its folder is one that others may enter. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { down, status, up } from '../../tools/engines/lifecycle.ts';
import { lacks } from './needs.ts';

const FOLDER = '/var/tmp';

export interface OwnOpenSearch {
  readonly port: number;
  readonly url: string;
  /** Starts it again, at the same address and with its data. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** To its process. */
  signal(signal: NodeJS.Signals): Promise<void>;
  /** A request as an operator makes it; its answer. */
  ask(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  dispose(): Promise<void>;
}

/** True where the suite has to be skipped; says why. */
export function lacksOwnOpenSearch(suite: string): boolean {
  const programs = { java: 'openjdk-17-jre-headless', mvn: 'maven' };
  return lacks(suite, { programs, long: 'it starts and stops OpenSearch' });
}

export async function startOwnOpenSearch(settings: Readonly<Record<string, string>> = {}): Promise<OwnOpenSearch> {
  const folder = await mkdtemp(join(FOLDER, 'spillway-opensearch-'));
  await chmod(folder, 0o755);
  const data = join(folder, 'data');
  const [node] = await up('opensearch', { data, settings }).catch(async (thrown: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw thrown;
  });
  const url = `http://${node?.address}`;
  return {
    url,
    port: Number(node?.address.split(':')[1]),
    start: async () => void (await up('opensearch', { data, settings })),
    stop: async () => void (await down('opensearch', { data })),
    signal: async (signal) => {
      const [running] = await status('opensearch', data);
      process.kill(running?.pid ?? 0, signal);
    },
    ask: async (method, path, body) => {
      const response = await fetch(`${url}/${path}`, {
        method,
        ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      const answer = (await response.json()) as Record<string, unknown>;
      if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer).slice(0, 1_000)}`);
      return answer;
    },
    dispose: async () => {
      await down('opensearch', { data, wipe: true });
      await rm(folder, { recursive: true, force: true });
    },
  };
}
