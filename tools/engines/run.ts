/** Runs a program to its end; what it printed, or an error with that. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

export async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Output> {
  try {
    return await execute(program, args, { maxBuffer: MAX_OUTPUT_BYTES, env: { ...process.env, ...env } });
  } catch (cause) {
    const { stdout = '', stderr = '' } = cause as Partial<Output>;
    const said = `${stdout}${stderr}`.trim().split('\n').slice(-20).join('\n');
    throw new Error(`${program} ${args.slice(0, 3).join(' ')} … failed:\n${said}`, { cause });
  }
}
