/** Starts load generators as processes of their own and waits for their results. */
import { once } from 'node:events';
import { spawnScript } from '../harness.ts';
import type { LoadResult } from './tcp-load.ts';

export interface TcpLoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly events: number;
  readonly lineBytes?: number;
  /** Lines of this file instead of generated ones. */
  readonly file?: string;
  /** Events a second; as fast as they are taken where it is left out. */
  readonly rate?: number;
  readonly seconds?: number;
}

export async function runTcpLoad(options: TcpLoadOptions): Promise<LoadResult> {
  const args = Object.entries({
    port: options.port,
    connections: options.connections,
    events: options.events,
    'line-bytes': options.lineBytes,
    file: options.file,
    rate: options.rate,
    seconds: options.seconds,
  }).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]));
  const child = spawnScript('bench/load/tcp-load.ts', args);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the load generator ended with ${code}`);
  return JSON.parse(text) as LoadResult;
}
