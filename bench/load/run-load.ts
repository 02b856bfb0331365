/** Starts load generators and the like as processes of their own and waits for their results. */
import { once } from 'node:events';
import { spawnScript } from '../harness.ts';
import type { BareInsert } from './bare-insert.ts';
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
  return JSON.parse(await outputOf('bench/load/tcp-load.ts', args)) as LoadResult;
}

/** `data`: the data folder of a stopped Spillway. */
export async function runBareInsert(data: string): Promise<BareInsert> {
  return JSON.parse(await outputOf('bench/load/bare-insert.ts', ['--data', data])) as BareInsert;
}

async function outputOf(script: string, args: readonly string[]): Promise<string> {
  const child = spawnScript(script, args);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${script} ended with ${code}`);
  return text;
}
