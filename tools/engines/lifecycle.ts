/** Starts engines, stops exactly what was started, and says what runs. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../test/support/ports.ts';
import { cassandra } from './cassandra.ts';
import type { Engine, EngineKind, NodePlan } from './engine.ts';
import { defaultData, installed } from './folders.ts';
import { kafka } from './kafka.ts';
import { opensearch } from './opensearch.ts';
import { isRunning, launch, stop } from './processes.ts';
import { untilReady } from './ready.ts';
import { redis } from './redis.ts';
import { s3 } from './s3.ts';
import { type EngineState, readState, type StartedNode, writeState } from './state.ts';

export const ENGINES: Readonly<Record<EngineKind, Engine>> = { kafka, opensearch, cassandra, s3, redis };

const READY_MS = 120_000;
const STOP_MS = 30_000;

export interface UpOptions {
  readonly nodes?: number;
  /** Configuration, data and logs; the engine's usual folder where it is left out. */
  readonly data?: string;
  /** For the engine's own configuration. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface NodeStatus extends StartedNode {
  readonly isRunning: boolean;
}

/** Its nodes once all of them answer; those that run already are left alone. What was started is stopped where one fails. */
export async function up(kind: EngineKind, options: UpOptions = {}): Promise<readonly NodeStatus[]> {
  const { nodes = 1, data = defaultData(kind), settings = {} } = options;
  const engine = ENGINES[kind];
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > engine.maxNodes) {
    throw new Error(`${kind} can have 1 to ${engine.maxNodes} nodes here, not ${nodes}.`);
  }
  const home = await installed(kind, engine);
  await mkdir(data, { recursive: true });
  const state = await readState(data);
  if (state.nodes.length > 0 && state.nodes.length !== nodes) {
    throw new Error(`${data} has ${kind} with ${state.nodes.length} nodes: down --wipe first.`);
  }
  const port = async (name: string) => {
    state.ports[name] ??= await freePort();
    return state.ports[name];
  };
  const plans = await engine.plan({ home, data, nodes, settings, port });
  const known = state.nodes;
  state.nodes = [];
  const begun: StartedNode[] = [];
  try {
    const waits: Promise<void>[] = [];
    for (const plan of plans) {
      const running = known.find(({ name }) => name === plan.name);
      const node = running !== undefined && (await isRunning(running)) ? running : await start(plan, data, begun);
      state.nodes.push(node);
      await writeState(data, state);
      const wait = untilReady(plan, node, READY_MS);
      waits.push(wait);
      if (!engine.startsTogether) await wait;
    }
    await Promise.all(waits);
  } catch (error) {
    await Promise.all(begun.map((node) => stop(node, STOP_MS)));
    throw error;
  }
  return statusOf(state);
}

/** Stops what up() started there, and nothing else. The data stay, unless they are wiped. */
export async function down(
  kind: EngineKind,
  { data = defaultData(kind), wipe = false }: { readonly data?: string; readonly wipe?: boolean } = {},
): Promise<readonly NodeStatus[]> {
  const state = await readState(data);
  await Promise.all(state.nodes.map((node) => stop(node, STOP_MS)));
  const left = await statusOf(state);
  if (wipe && left.every((node) => !node.isRunning)) await rm(data, { recursive: true, force: true });
  return left;
}

export async function status(kind: EngineKind, data = defaultData(kind)): Promise<readonly NodeStatus[]> {
  return statusOf(await readState(data));
}

async function start(plan: NodePlan, data: string, begun: StartedNode[]): Promise<StartedNode> {
  const log = join(data, `${plan.name}.log`);
  const { command, args, env = {} } = plan;
  const id = await launch({ command, args, env, cwd: data, log });
  const node = { ...id, name: plan.name, address: `${plan.host}:${plan.port}`, log };
  begun.push(node);
  return node;
}

const statusOf = (state: EngineState): Promise<NodeStatus[]> =>
  Promise.all(state.nodes.map(async (node) => ({ ...node, isRunning: await isRunning(node) })));
