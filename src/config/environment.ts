/**
 * Options from the environment: `http.port` is SPILLWAY_HTTP_PORT, `queue.maxSize` is SPILLWAY_QUEUE_MAX_SIZE. Lists and
 * objects are written as YAML or JSON: SPILLWAY_INPUTS_SYSLOG='[{port: 514}]'.
 */
import type { TSchema } from 'typebox';
import { parse } from 'yaml';
import { messageOf } from '../lib/errors.ts';
import { suggest } from '../lib/suggest.ts';
import type { Problem } from './problem.ts';
import { propertiesOf, typeOf } from './shape.ts';
import { emptyTree, merge, treeOf, type WrittenTree } from './tree.ts';

/** Read elsewhere: by the command line, by the tests, by the roles. */
const OTHERS = ['SPILLWAY_CONFIG', 'SPILLWAY_LAUNCHER_PID', 'SPILLWAY_URL', 'SPILLWAY_TOKEN'];
const OTHER_PREFIXES = ['SPILLWAY_TEST_', 'SPILLWAY_BENCH_', 'SPILLWAY_ROLE_'];
/** Kubernetes sets these for a service that is called `spillway` or `spillway-…`; they are no options of ours. */
const KUBERNETES = /_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?$/;

/** The variable of an option: ['queue', 'maxSize'] is SPILLWAY_QUEUE_MAX_SIZE. */
export function variableOf(path: readonly string[]): string {
  return ['SPILLWAY', ...path.map((name) => name.replace(/[A-Z]/g, '_$&').toUpperCase())].join('_');
}

/** Every option that has a variable, by its name. */
export function variables(
  schema: TSchema,
  path: readonly string[] = [],
): Map<string, { path: string[]; schema: TSchema }> {
  const found = new Map<string, { path: string[]; schema: TSchema }>();
  for (const [name, option] of propertiesOf(schema)) {
    const optionPath = [...path, name];
    const inner = propertiesOf(option);
    if (inner.length === 0) found.set(variableOf(optionPath), { path: optionPath, schema: option });
    else for (const [variable, entry] of variables(option, optionPath)) found.set(variable, entry);
  }
  return found;
}

export function readEnvironment(
  schema: TSchema,
  env: Readonly<Record<string, string | undefined>>,
  problems: Problem[],
): WrittenTree {
  const known = variables(schema);
  let tree = emptyTree('environment');
  for (const [variable, text] of Object.entries(env)) {
    if (text === undefined || !variable.startsWith('SPILLWAY_')) continue;
    const where = `environment ${variable}`;
    const option = known.get(variable);
    if (option !== undefined && !/^(tcp|udp):\/\//.test(text)) {
      const value = readValue(option.schema, text, where, problems);
      const nested = option.path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
      tree = merge(tree, treeOf(nested, where));
    } else if (!isForeign(variable, text)) {
      const near = suggest(variable, [...known.keys(), ...OTHERS]);
      const hint = near === undefined ? 'See `spillway config reference` for all options.' : `Did you mean ${near}?`;
      problems.push({ where, what: `no option has this variable. ${hint}` });
    }
  }
  return tree;
}

function isForeign(variable: string, text: string): boolean {
  if (OTHERS.includes(variable) || OTHER_PREFIXES.some((prefix) => variable.startsWith(prefix))) return true;
  return KUBERNETES.test(variable) || (variable.endsWith('_PORT') && /^(tcp|udp):\/\//.test(text));
}

/** Strings are taken as they are; everything else is read as YAML would read it. */
function readValue(schema: TSchema, text: string, where: string, problems: Problem[]): unknown {
  if (typeOf(schema) === 'string') return text;
  try {
    return parse(text, { version: '1.2', maxAliasCount: 0 });
  } catch (error) {
    problems.push({ where, what: `the value is not YAML: ${firstLine(messageOf(error))}` });
    return undefined;
  }
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/:$/, '.');
}
