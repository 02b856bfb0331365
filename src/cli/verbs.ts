/** The verbs, each loaded only when it is asked for: `spillway send` in a script should not wait for the rest. */
import type { Command } from './command.ts';

interface VerbEntry {
  readonly summary: string;
  load(): Promise<{ readonly command: Command }>;
}

export const VERBS = {
  start: { summary: 'Start Spillway, or one role of it.', load: () => import('./start.ts') },
  send: { summary: 'Send lines: standard input or files, one event a line.', load: () => import('./send.ts') },
  search: { summary: 'Find events.', load: () => import('./search.ts') },
  tail: { summary: 'Follow events as they arrive.', load: () => import('./tail.ts') },
  demo: {
    summary: 'Send realistic traffic: a web shop, with an incident now and then.',
    load: () => import('./demo.ts'),
  },
  where: {
    summary: 'Where is my log? Follow one event from the socket to the search store.',
    load: () => import('./where.ts'),
  },
  ledger: {
    summary: 'Account for every event: accepted = written + dropped + dead-lettered.',
    load: () => import('./ledger.ts'),
  },
  topics: { summary: 'Show the topics of the queue and the lag of their readers.', load: () => import('./topics.ts') },
  slices: {
    summary: 'Show where events are: slices by tier, and what was decided about them.',
    load: () => import('./slices.ts'),
  },
  read: { summary: 'Look into the queue: print the records of a topic.', load: () => import('./read.ts') },
  segment: { summary: 'Check a segment file of the queue, checksum by checksum.', load: () => import('./segment.ts') },
  drain: {
    summary: 'Process and index what is in the embedded queue, take nothing new, and stop.',
    load: () => import('./drain.ts'),
  },
  doctor: {
    summary: 'Look at this machine and every engine, and say what to mend.',
    load: () => import('./doctor.ts'),
  },
  token: { summary: 'Create, list and revoke the tokens of senders and readers.', load: () => import('./token.ts') },
  config: { summary: 'Check, print or explain the configuration.', load: () => import('./config.ts') },
} as const satisfies Record<string, VerbEntry>;

export type Verb = keyof typeof VERBS;

export const verbNames = Object.keys(VERBS) as Verb[];

export function isVerb(name: string): name is Verb {
  return Object.hasOwn(VERBS, name);
}
