/** Starts engines, stops exactly what was started, and says what runs. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../src/lib/make-folder.ts';
import { freePort, isFree } from '../../test/support/ports.ts';
import { cassandra } from './cassandra.ts';
import type { Engine, EngineKind, NodePlan } from './engine.ts';
import { defaultData, installed, requirePrograms } from './folders.ts';
import { kafka } from './kafka.ts';
import { opensearch, securedOpensearch } from './opensearch.ts';
import { isRunning, launch, stop } from './processes.ts';
import { untilReady } from './ready.ts';
import { redis } from './redis.ts';
import { s3 } from './s3.ts';
import { type EngineState, readState, type StartedNode, writeState } from './state.ts';
import { inTurn } from './turn.ts';

export const ENGINES: Readonly<Record<EngineKind, Engine>> = {
  kafka,
  opensearch,
  cassandra,
  s3,
  redis,
  'opensearch-security': securedOpensearch,
};

const READY_MS = 120_000;
const STOP_MS = 30_000;
/** What another command may take before: nodes that join one after another, and an engine that is installed first. */
const TURN_MS = 600_000;

export interface UpOptions {
  readonly nodes?: number;
  /** Configuration, data and logs; the engine's usual folder where it is left out. */
  readonly data?: string;
  /** For the engine's own configuration. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Of each node's virtual machine, such as `1g`; the engine's usual one where it is left out. */
  readonly heap?: string;
  /** The processors that its nodes may use, as taskset takes them: `1`, `0,2-3`. All where it is left out. */
  readonly processors?: string;
}

export interface NodeStatus extends StartedNode {
  readonly isRunning: boolean;
}

/** Its nodes once all of them answer; those that run already are left alone. */
export function up(kind: EngineKind, options: UpOptions = {}): Promise<readonly NodeStatus[]> {
  const { data = defaultData(kind) } = options;
  return inTurn(data, TURN_MS, () => upAlone(kind, data, options));
}

async function upAlone(kind: EngineKind, data: string, options: UpOptions): Promise<readonly NodeStatus[]> {
  const { nodes = 1, settings = {}, heap, processors } = options;
  const engine = ENGINES[kind];
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > engine.maxNodes) {
    throw new Error(`${kind} can have 1 to ${engine.maxNodes} nodes here, not ${nodes}.`);
  }
  const state = await readState(kind, data);
  if (state.nodes.length > 0 && state.nodes.length !== nodes) {
    throw new Error(`${data} has ${kind} with ${state.nodes.length} nodes: down --wipe first.`);
  }
  makeFolder(data);
  requirePrograms({ ...engine.programs, ...(processors !== undefined && { taskset: 'util-linux' }) });
  const home = await installed(kind, engine);
  // From here on the folder is the engine's.
  await writeState(data, state);
  const port = async (name: string) => {
    state.ports[name] ??= await freePort();
    return state.ports[name];
  };
  const place = { home, data, nodes, settings, ...(heap !== undefined && { heap }), port };
  await startAll(engine, (await engine.plan(place)).map(keptTo(processors)), data, state);
  return statusOf(state);
}

const keptTo =
  (processors: string | undefined) =>
  (plan: NodePlan): NodePlan =>
    processors === undefined
      ? plan
      : { ...plan, command: 'taskset', args: ['-c', processors, plan.command, ...plan.args] };

/** Where one fails, those that were started with it are stopped. */
async function startAll(engine: Engine, plans: readonly NodePlan[], data: string, state: EngineState): Promise<void> {
  const begun: StartedNode[] = [];
  const waits: Promise<void>[] = [];
  try {
    for (const plan of plans) {
      const known = state.nodes.find(({ name }) => name === plan.name);
      const runs = known !== undefined && (await isRunning(known));
      const node = runs ? known : await start(plan, data);
      if (!runs) begun.push(node);
      state.nodes = [...state.nodes.filter(({ name }) => name !== plan.name), node];
      await writeState(data, state);
      const wait = untilReady(plan, node, READY_MS);
      // Looked at below: until then it must not count as overlooked.
      wait.catch(() => undefined);
      waits.push(wait);
      if (!engine.startsTogether) await wait;
    }
    await Promise.all(waits);
  } catch (error) {
    await Promise.all(begun.map((node) => stop(node, STOP_MS)));
    throw error;
  }
}

/** Stops what up() started there, and nothing else. The data stay, unless they are wiped. */
export function down(
  kind: EngineKind,
  { data = defaultData(kind), wipe = false }: { readonly data?: string; readonly wipe?: boolean } = {},
): Promise<readonly NodeStatus[]> {
  return inTurn(data, TURN_MS, () => downAlone(kind, data, wipe));
}

async function downAlone(kind: EngineKind, data: string, wipe: boolean): Promise<readonly NodeStatus[]> {
  const state = await readState(kind, data);
  await Promise.all(state.nodes.map((node) => stop(node, STOP_MS)));
  const left = await statusOf(state);
  if (wipe && left.every((node) => !node.isRunning)) await rm(data, { recursive: true, force: true });
  return left;
}

export async function status(kind: EngineKind, data = defaultData(kind)): Promise<readonly NodeStatus[]> {
  return statusOf(await readState(kind, data));
}

async function start(plan: NodePlan, data: string): Promise<StartedNode> {
  await requirePort(plan);
  const log = join(data, `${plan.name}.log`);
  const { command, args, env = {} } = plan;
  const id = await launch({ command, args, env, cwd: data, log });
  return { ...id, name: plan.name, address: `${plan.host}:${plan.port}`, log };
}

/** Who answers at its port must be the node: a stranger there would be taken for it. */
async function requirePort({ name, host, port }: NodePlan): Promise<void> {
  if (await isFree(port, host)) return;
  throw new Error(
    `The port of ${name}, ${host}:${port}, is taken by another process: stop that one, or begin anew with down --wipe.`,
  );
}

const statusOf = (state: EngineState): Promise<NodeStatus[]> =>
  Promise.all(state.nodes.map(async (node) => ({ ...node, isRunning: await isRunning(node) })));
