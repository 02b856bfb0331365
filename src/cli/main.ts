/**
 * The command line. Exit status: 0 done, 1 it failed, 2 it was asked wrongly. Results go to standard output, everything
 * about the work to standard error.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import { suggest } from '../lib/suggest.ts';
import { type Command, EXIT, type Invocation, UsageError } from './command.ts';
import { helpOf, overview } from './help.ts';
import { Output } from './output.ts';
import { repeatedOption } from './repeated-option.ts';
import { isVerb, VERBS, verbNames } from './verbs.ts';

/** Errors of a request that the same request will always give: it was asked wrongly. */
const ASKED_WRONGLY = new Set([
  'BAD_REQUEST',
  'UNKNOWN_PARAMETER',
  'QUERY_SYNTAX',
  'QUERY_UNSUPPORTED',
  'QUERY_TOO_LARGE',
]);

const output = new Output(process.stdout, process.stderr);
let interruption: AbortController | undefined;

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const [about] = rest;
    if (about !== undefined && isVerb(about)) return main([about, '--help']);
    output.line(overview(output, version()));
    return name === undefined ? EXIT.asked : EXIT.done;
  }
  if (name === '--version' || name === '-v') {
    output.line(version());
    return EXIT.done;
  }
  if (!isVerb(name)) {
    const near = suggest(name, verbNames);
    const hint = near === undefined ? `The verbs are ${verbNames.join(', ')}.` : `Did you mean: spillway ${near}`;
    output.problem(`there is no verb "${name}". ${hint}`);
    return EXIT.asked;
  }
  try {
    const { command } = await VERBS[name].load();
    return await runCommand(command, rest);
  } catch (error) {
    return report(error, name);
  }
}

async function runCommand(command: Command, argv: readonly string[]): Promise<number> {
  const help = { type: 'boolean', short: 'h' } as const;
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { type, short, list: multiple = false }]) => [
      name,
      short === undefined ? { type, multiple } : { type, multiple, short },
    ]),
  );
  const parsed = parse(argv, { ...options, help });
  if (parsed.values.help === true) {
    output.line(helpOf(command, output));
    return EXIT.done;
  }
  const [least, most] = command.args;
  if (parsed.positionals.length < least)
    throw new UsageError('something is missing.', `Usage: spillway ${command.usage}`);
  if (parsed.positionals.length > most) {
    const extra = parsed.positionals[most];
    throw new UsageError(`"${extra}" is one argument too many.`, `Usage: spillway ${command.usage}`);
  }
  const invocation: Invocation = {
    args: parsed.positionals,
    options: parsed.values,
    env: process.env,
    output,
    interrupted,
  };
  return command.run(invocation);
}

type Options = Record<
  string,
  { readonly type: 'string' | 'boolean'; readonly short?: string; readonly multiple?: boolean }
>;
type Values = Record<string, string | boolean | undefined>;

function parse(argv: readonly string[], options: Options): { positionals: string[]; values: Values } {
  const known = Object.keys(options);
  for (const arg of argv) {
    if (arg === '--') break;
    const name = /^--([^=]+)/.exec(arg)?.[1];
    if (name === undefined || known.includes(name)) continue;
    const near = suggest(name, known);
    const hint =
      near === undefined ? `Options: ${known.map((option) => `--${option}`).join(', ')}` : `Did you mean --${near}?`;
    throw new UsageError(`there is no option --${name}.`, hint);
  }
  const { positionals, values, tokens } = parsedArgs(argv, options);
  const single = known.filter((name) => options[name]?.type === 'string' && options[name]?.multiple !== true);
  const repeated = repeatedOption(tokens, single);
  if (repeated !== undefined) throw new UsageError(`--${repeated} is given twice, and only one can hold.`);
  return { positionals, values: mapValues(values) };
}

function parsedArgs(argv: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true, tokens: true });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

/** A list is one text with commas, however it was written. */
function mapValues(values: Readonly<Record<string, unknown>>): Values {
  const joined = Object.entries(values).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : value]);
  return Object.fromEntries(joined);
}

function report(error: unknown, verb: string): number {
  if (error instanceof UsageError) {
    output.problem(error.message);
    if (error.hint !== undefined) output.note(error.hint);
    output.note(`See: spillway ${verb} --help`);
    return EXIT.asked;
  }
  if (error instanceof SpillwayError) {
    // The code stands with what happened; a place in a query or a list of problems follows.
    const [what, ...rest] = error.message.split('\n');
    output.problem([`${what} [${error.code}]`, ...rest].join('\n'));
    return ASKED_WRONGLY.has(error.code) ? EXIT.asked : EXIT.failed;
  }
  if (interruption?.signal.aborted === true) return EXIT.failed;
  output.problem(`unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  output.note('This is a bug in Spillway. Please report it with the lines above.');
  return EXIT.failed;
}

/** The first Ctrl-C ends the work in order; the second one at once. */
function interrupted(): AbortSignal {
  if (interruption !== undefined) return interruption.signal;
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  interruption = controller;
  return controller.signal;
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const known = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return known ? String(manifest.version) : 'unknown';
}

process.exitCode = await main(process.argv.slice(2));
