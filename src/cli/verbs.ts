/** The verbs, each loaded only when it is asked for: `spillway send` in a script should not wait for the rest. */
import type { Command } from './command.ts';

interface VerbEntry {
  readonly summary: string;
  load(): Promise<{ readonly command: Command }>;
}

export const VERBS = {
  start: { summary: 'Start Spillway, or one role of it.', load: () => import('./start.ts') },
  config: { summary: 'Check, print or explain the configuration.', load: () => import('./config.ts') },
} as const satisfies Record<string, VerbEntry>;

export type Verb = keyof typeof VERBS;

export const verbNames = Object.keys(VERBS) as Verb[];

export function isVerb(name: string): name is Verb {
  return Object.hasOwn(VERBS, name);
}
