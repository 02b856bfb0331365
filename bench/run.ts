/**
 * Runs one benchmark: `npm run bench -- NAME [--quick] [--peer] [--rounds N] [--seconds N] [--events N]`. Lines for people go to standard error; the last line of
 * standard output is the result as one JSON object. A full run is kept in bench/results, from which report.ts makes
 * docs/benchmarks.md.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Bench, machineName, ROOT, say } from './harness.ts';
import { benchNames } from './names.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    peer: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    events: { type: 'string' },
  },
});
const [name = ''] = positionals;
const file = join(import.meta.dirname, `${name}.ts`);
const names = await benchNames();
if (!names.includes(name)) {
  say(
    `usage: npm run bench -- NAME [--quick] [--peer] [--rounds N] [--seconds N] [--events N]\nNAME is one of: ${names.join(', ')}`,
  );
  process.exit(2);
}
const { run } = (await import(file)) as { run: Bench };
say(`${name}${values.quick ? ' (quick)' : ''} on ${machineName()}`);
const { quick, peer, rounds, seconds, events } = values;
const result = await run({
  quick,
  peer,
  ...(rounds === undefined ? {} : { rounds: Number(rounds) }),
  ...(seconds === undefined ? {} : { seconds: Number(seconds) }),
  ...(events === undefined ? {} : { events: Number(events) }),
});
const line = { bench: name, ...result, machine: machineName() };
if (!quick && events === undefined) {
  await mkdir(join(ROOT, 'bench/results'), { recursive: true });
  const kept = { ...line, about: await headComment(), at: new Date().toISOString() };
  await writeFile(join(ROOT, 'bench/results', `${name}.json`), `${JSON.stringify(kept, undefined, 2)}\n`);
}
process.stdout.write(`${JSON.stringify(line)}\n`);

/** What the benchmark says of itself, in one paragraph. */
async function headComment(): Promise<string> {
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(await readFile(file, 'utf8'))?.[1] ?? '';
  return comment.replaceAll(/\s*\n \* ?/g, ' ').trim();
}
