/** Processes that outlive the program that started them, found again without ever taking a stranger for one of them. */
import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';

/** A process id is given out again; together with the time of its start it is one process only. */
export interface ProcessId {
  readonly pid: number;
  /** Of /proc/PID/stat: clock ticks since the system's start. */
  readonly startTicks: string;
}

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Both its outputs go there, from its beginning. */
  readonly log: string;
}

const START_TIME_FIELD = 19;
const POLL_MS = 50;

/** Undefined where there is no such process, or only what its parent has not asked about yet. */
export async function startTicksOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [state, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? undefined : fields[START_TIME_FIELD - 1];
}

export async function isRunning({ pid, startTicks }: ProcessId): Promise<boolean> {
  return (await startTicksOf(pid)) === startTicks;
}

export async function launch({ command, args, env, cwd, log }: Launch): Promise<ProcessId> {
  const output = await open(log, 'w');
  try {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
    });
    const failed = new Promise<never>((_, reject) => child.once('error', reject));
    const spawned = new Promise<void>((resolve) => child.once('spawn', resolve));
    await Promise.race([spawned, failed]);
    child.unref();
    const { pid = 0 } = child;
    return { pid, startTicks: (await startTicksOf(pid)) ?? 'gone' };
  } finally {
    await output.close();
  }
}

/** SIGTERM, and SIGKILL where it has not ended after `graceMs`. Does nothing to any other process. */
export async function stop(id: ProcessId, graceMs: number): Promise<void> {
  await signalled(id, 'SIGTERM', graceMs);
  await signalled(id, 'SIGKILL', graceMs);
}

async function signalled(id: ProcessId, signal: NodeJS.Signals, waitMs: number): Promise<void> {
  if (!(await isRunning(id))) return;
  process.kill(id.pid, signal);
  const deadlineMs = performance.now() + waitMs;
  while ((await isRunning(id)) && performance.now() < deadlineMs) await sleep(POLL_MS);
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
