/** A processor for an engine and the others for what is measured beside it, so that neither takes from the other. */
import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { promisify } from 'node:util';

export interface ServerPlace {
  /** The server keeps to one processor, and this process with all that it starts to the others. */
  readonly apart: boolean;
}

export interface Processors {
  /** For `up`: nothing where the server has all of them. */
  readonly kept: { readonly processors?: string };
  /** How many the server has. */
  readonly count: number;
}

/** With a single processor they share it. */
export async function placed<Result>(
  { apart }: ServerPlace,
  work: (server: Processors) => Promise<Result>,
): Promise<Result> {
  const last = cpus().length - 1;
  if (!apart || last === 0) return work({ kept: {}, count: last + 1 });
  await keepTo(`0-${last - 1}`);
  try {
    return await work({ kept: { processors: String(last) }, count: 1 });
  } finally {
    await keepTo(`0-${last}`);
  }
}

async function keepTo(processors: string): Promise<void> {
  await promisify(execFile)('taskset', ['-a', '-p', '-c', processors, String(process.pid)]);
}
