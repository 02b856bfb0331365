/** What is known about an engine that was started: a file in its data folder. */
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineKind } from './engine.ts';
import type { ProcessId } from './processes.ts';

export interface StartedNode extends ProcessId {
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
  readonly log: string;
}

export interface EngineState {
  readonly kind: EngineKind;
  /** By name: kept, so that a node comes back where its clients know it. */
  readonly ports: Record<string, number>;
  nodes: StartedNode[];
}

const FILE = 'engine.json';

/** Of that engine in that folder; throws where the folder is another engine's, or holds anything else. */
export async function readState(kind: EngineKind, data: string): Promise<EngineState> {
  const text = await readFile(join(data, FILE), 'utf8').catch(() => undefined);
  if (text === undefined) {
    const names = await readdir(data).catch(() => []);
    if (names.length > 0) throw new Error(`${data} is not a folder of an engine: name one that is empty or not there.`);
    return { kind, ports: {}, nodes: [] };
  }
  const state = JSON.parse(text) as EngineState;
  if (state.kind !== kind) throw new Error(`${data} is a folder of ${state.kind}, not of ${kind}.`);
  return state;
}

export async function writeState(data: string, state: EngineState): Promise<void> {
  const path = join(data, FILE);
  await writeFile(`${path}.new`, `${JSON.stringify(state, undefined, 2)}\n`);
  await rename(`${path}.new`, path);
}
