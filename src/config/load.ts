import { existsSync } from 'node:fs';
import { readEnvironment } from './environment.ts';
import { readConfigFile } from './file.ts';
import { configError, type Problem } from './problem.ts';
import { queueProblems } from './queue-options.ts';
import { type Resolving, resolveOption } from './resolve.ts';
import { type Config, ConfigSchema } from './schema.ts';
import { searchProblems } from './search-engine.ts';
import { missingProblems, strayProblems, type Written, withoutStrays } from './together.ts';
import { emptyTree, merge, treeOf } from './tree.ts';

export type { Config };

/** Read when no file is named and it exists. */
export const DEFAULT_FILE = 'spillway.yaml';

export interface LoadOptions {
  /** Path of the file; else SPILLWAY_CONFIG, else ./spillway.yaml where it exists, else none. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Options given on the command line, as they would be written in the file: {data: '/var/lib/spillway'}. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  /** Relative paths are relative to it; the process's own where it is not given. */
  readonly workingDirectory?: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read, if any. */
  readonly file: string | undefined;
  /** By dotted path (`http.port`): the value as written and where; `default` for defaults. Nothing of engines not chosen. */
  readonly written: Written;
}

/** The whole configuration: file, environment and command line over the defaults; frozen. Throws CONFIG_INVALID. */
export function loadConfig(options: LoadOptions): Config {
  return loadConfigWithSources(options).config;
}

/** The same, with where each value came from. */
export function loadConfigWithSources(options: LoadOptions): LoadedConfig {
  const named = options.file ?? options.env.SPILLWAY_CONFIG;
  const file = named ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined);
  const problems: Problem[] = [];
  const fromFile = file === undefined ? emptyTree('default') : readConfigFile(file);
  const fromEnvironment = readEnvironment(ConfigSchema, options.env, problems);
  const fromCommandLine = treeOf(options.overrides ?? {}, 'command line');
  const written = merge(merge(fromFile, fromEnvironment), fromCommandLine);
  const resolving: Resolving = {
    env: options.env,
    workingDirectory: options.workingDirectory ?? process.cwd(),
    root: ConfigSchema,
    problems,
    shown: new Map(),
  };
  const config = resolveOption(ConfigSchema, written, [], resolving);
  problems.push(...strayProblems(config, resolving.shown));
  if (problems.length > 0) throw configError(problems);
  const shown = withoutStrays(config, resolving.shown);
  // The schema is what the value was built by, option by option, and what the type is derived from.
  const whole = freeze(config) as Config;
  const together = [...missingProblems(whole, shown), ...queueProblems(whole, shown), ...searchProblems(whole, shown)];
  if (together.length > 0) throw configError(together);
  return { config: whole, file, written: shown };
}

function freeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
}
