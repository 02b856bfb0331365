/** What a verb of the command line is: its words for --help, its options, and what it does. */
import type { ParseArgsOptionDescriptor } from 'node:util';
import type { Output } from './output.ts';

export interface OptionSpec {
  readonly type: ParseArgsOptionDescriptor['type'];
  readonly short?: string;
  /** Several values, with commas or as the option several times: one text with commas. Others may be given once. */
  readonly list?: true;
  /** What stands for the value in --help, such as FILE. */
  readonly value?: string;
  readonly description: string;
}

export interface Invocation {
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly output: Output;
  /** Fires on Ctrl-C. Reading it makes Ctrl-C end the verb in order instead of at once. */
  readonly interrupted: () => AbortSignal;
}

export interface Command {
  /** After `spillway`, such as `search QUERY`. */
  readonly usage: string;
  readonly summary: string;
  /** More than the summary, line by line. */
  readonly details?: readonly string[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** How many arguments it takes. */
  readonly args: readonly [least: number, most: number];
  readonly examples: readonly (readonly [line: string, does: string])[];
  /** Resolves to the exit status: 0, or 1 where it failed. Throws UsageError or SpillwayError. */
  run(invocation: Invocation): Promise<number>;
}

export const EXIT = { done: 0, failed: 1, asked: 2 } as const;

/** How the program was called, for lines to copy: in a checkout it is not on the PATH. */
export function programName(env: Invocation['env']): string {
  return env.npm_command === 'exec' ? 'npx spillway' : 'spillway';
}

/** It was asked wrongly: exit status 2. */
export class UsageError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = 'UsageError';
    this.hint = hint;
  }
}

export function textOption(invocation: Invocation, name: string): string | undefined {
  const value = invocation.options[name];
  return typeof value === 'string' ? value : undefined;
}

export function isSet(invocation: Invocation, name: string): boolean {
  return invocation.options[name] === true;
}

/** A whole number from `least` to `most`. */
export function countOption(invocation: Invocation, name: string, least: number, most: number): number | undefined {
  const text = textOption(invocation, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`--${name} must be a whole number from ${least} to ${most}, but is "${text}".`);
}

export function choiceOption<const Choice extends string>(
  invocation: Invocation,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const text = textOption(invocation, name);
  if (text === undefined) return undefined;
  const choice = choices.find((known) => known === text);
  if (choice !== undefined) return choice;
  throw new UsageError(`--${name} must be one of ${choices.join(', ')}, but is "${text}".`);
}
