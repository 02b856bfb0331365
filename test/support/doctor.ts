/** Runs `spillway doctor` as a user does, in a pipe. */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SPILLWAY = join(import.meta.dirname, '../../bin/spillway.mjs');

export interface ToldFinding {
  readonly check: string;
  readonly state: 'well' | 'unknown' | 'warning' | 'wrong';
  readonly found: string;
  readonly mend?: string;
}

export interface Told {
  readonly status: number | null;
  readonly findings: readonly ToldFinding[];
  /** Of one check. */
  of(check: string): readonly ToldFinding[];
  readonly tookMs: number;
  readonly text: string;
}

export interface DoctorOptions {
  /** spillway.yaml. Ports default to ones that nobody asks for. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly data: string;
  /** Programs that run it, such as `['faketime', '-f', '+5m']`. */
  readonly under?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export const NO_PORTS = { http: { port: 0 }, inputs: { syslog: [{ port: 0 }] } };

export async function askDoctor({ config = {}, data, under = [], args = [], env }: DoctorOptions): Promise<Told> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-doctor-'));
  // Another user may run it.
  await chmod(folder, 0o755);
  const file = join(folder, 'spillway.yaml');
  // How full this machine's disk happens to be is nothing that a test is about.
  const queue = { highWater: '100%', minFree: '0B', ...(config.queue as object | undefined) };
  await writeFile(file, JSON.stringify({ ...NO_PORTS, data, ...config, queue }));
  const began = performance.now();
  const { status, text } = await run([...under, process.execPath, SPILLWAY, 'doctor', '--config', file, ...args], env);
  const lines = text.split('\n').filter((line) => line.startsWith('{'));
  const findings: ToldFinding[] = lines.map((line) => JSON.parse(line)).filter(({ check }) => check !== undefined);
  return {
    status,
    findings,
    of: (check) => findings.filter((finding) => finding.check === check),
    tookMs: performance.now() - began,
    text,
  };
}

export async function run(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number | null; readonly text: string }> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { status, text };
}
