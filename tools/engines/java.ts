/** Which Java there is. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

const VIRTUAL_MACHINES = '/usr/lib/jvm';

export interface Java {
  readonly command: string;
  readonly version: number;
}

/** Flags for all servers of Java past their own, from SPILLWAY_TEST_JAVA. */
export const furtherFlags = (): string[] => (process.env.SPILLWAY_TEST_JAVA ?? '').split(' ').filter(Boolean);

/** The oldest installed one of at least that version: what an engine was made for rather than what came later. */
export async function findJava(least: number): Promise<Java | undefined> {
  const beside = await readdir(VIRTUAL_MACHINES).catch(() => []);
  const commands = [
    ...(process.env.JAVA_HOME ? [join(process.env.JAVA_HOME, 'bin/java')] : []),
    'java',
    ...beside.map((name) => join(VIRTUAL_MACHINES, name, 'bin/java')),
  ];
  const all = await Promise.all(commands.map(versionOf));
  const fitting = all.filter((java) => java !== undefined && java.version >= least) as Java[];
  return fitting.sort((a, b) => a.version - b.version)[0];
}

export async function javaOf(least: number): Promise<Java> {
  const java = await findJava(least);
  if (java === undefined)
    throw new Error(`Java ${least} or newer is not installed: apt-get install openjdk-17-jre-headless`);
  return java;
}

const known = new Map<string, Promise<Java | undefined>>();

/** Asked once: each answer is the start of a virtual machine. */
function versionOf(command: string): Promise<Java | undefined> {
  const asked = known.get(command) ?? askVersion(command);
  known.set(command, asked);
  return asked;
}

async function askVersion(command: string): Promise<Java | undefined> {
  const said = await run(command, ['-version']).catch(() => undefined);
  const version = /version "(\d+)/.exec(said?.stderr ?? '')?.[1];
  return version === undefined ? undefined : { command, version: Number(version) };
}
