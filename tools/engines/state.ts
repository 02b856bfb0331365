/** What is known about an engine that was started: a file in its data folder. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessId } from './processes.ts';

export interface StartedNode extends ProcessId {
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
  readonly log: string;
}

export interface EngineState {
  /** By name: kept, so that a node comes back where its clients know it. */
  readonly ports: Record<string, number>;
  nodes: StartedNode[];
}

export async function readState(data: string): Promise<EngineState> {
  const text = await readFile(join(data, 'engine.json'), 'utf8').catch(() => undefined);
  return text === undefined ? { ports: {}, nodes: [] } : (JSON.parse(text) as EngineState);
}

export async function writeState(data: string, state: EngineState): Promise<void> {
  const path = join(data, 'engine.json');
  await writeFile(`${path}.new`, `${JSON.stringify(state, undefined, 2)}\n`);
  await rename(`${path}.new`, path);
}
