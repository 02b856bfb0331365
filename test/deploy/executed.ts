/** Commands that the documentation says to run inside of a container, and which configuration a verb reads there. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Command } from '../../src/cli/command.ts';
import { command as doctor } from '../../src/cli/doctor.ts';
import { command as token } from '../../src/cli/token.ts';
import { command as topics } from '../../src/cli/topics.ts';
import { at, list, ROOT } from './manifests.ts';

type Environment = Readonly<Record<string, unknown>>;

export interface Executed {
  readonly where: string;
  /** The service of Compose, or the pod. */
  readonly target: string;
  readonly verb: Command;
  readonly words: readonly string[];
}

const VERBS: Readonly<Record<string, Command>> = { doctor, token, topics };
const PATTERNS = {
  compose: /docker compose [^\n`]*?exec (?:-\S+ )*(\S+) spillway (\w+)([^\n`#]*)/g,
  kubectl: /kubectl [^\n`]*?exec (?:-\S+ )*(\S+) (?:-\S+ )*-- spillway (\w+)([^\n`#]*)/g,
} as const;

export function executed(by: keyof typeof PATTERNS): readonly Executed[] {
  return documentation().flatMap((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    return [...text.matchAll(PATTERNS[by])].map(([, target = '', name = '', rest = '']) => {
      const verb = VERBS[name];
      if (verb === undefined) throw new Error(`${file}: this suite does not know the verb ${name}`);
      return { where: `${file}: ${name}`, target, verb, words: rest.split(/\s+/).filter(Boolean) };
    });
  });
}

function documentation(): readonly string[] {
  const below = ['deploy', 'docs'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true }).map((name) => join(folder, String(name))),
  );
  return ['README.md', ...below.filter((name) => /\.(md|yaml)$|Dockerfile$/.test(name))];
}

/** Where the verb finds its configuration; undefined where it would look into its working folder. */
export function configFile(verb: Command, words: readonly string[], env: Environment): unknown {
  return optionOf(verb, words, 'config') ?? env.SPILLWAY_CONFIG;
}

/** Throws where the verb has no such option. */
export function optionOf(verb: Command, words: readonly string[], name: string): unknown {
  const options = Object.fromEntries(Object.entries(verb.options).map(([option, { type }]) => [option, { type }]));
  return parseArgs({ args: [...words], options, allowPositionals: true }).values[name];
}

export const serviceEnvironment = (service: unknown): Environment => Object(at(service, 'environment'));

export function containerEnvironment(container: unknown): Environment {
  return Object.fromEntries(list(container, 'env').map(({ name, value }) => [String(name), value]));
}
