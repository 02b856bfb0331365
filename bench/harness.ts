/** What the benchmarks share: the shape of a result, the machine's name, percentiles, memory and CPU of processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..');
const GIB = 1024 ** 3;
const CLOCK_TICKS_PER_S = 100;

export interface BenchOptions {
  /** Tiny, for the tests: shows that it runs, not how fast. */
  readonly quick: boolean;
  /** Also run the peer, in turns with ours. */
  readonly peer: boolean;
  /** How often subject and peer take turns, where the benchmark's own number is not wanted. */
  readonly rounds?: number;
  /** How long the load lasts, where the benchmark's own number is not wanted. */
  readonly seconds?: number;
  /** Of another size than the full one: for a look on a busy machine. The result is not kept. */
  readonly events?: number;
}

export interface Measured {
  readonly value: number;
  readonly unit: string;
  readonly p99Ms?: number;
  readonly peer?: { readonly name: string; readonly value: number };
  /** value / peer.value where more is better, the inverse where less is: above 1 is better than the peer. */
  readonly ratio?: number;
}

export interface BenchResult extends Measured {
  /** What must be reached, in the same unit. */
  readonly target?: number;
  /** Several figures of one benchmark, by name; the members above are the headline. */
  readonly rows?: Readonly<Record<string, Measured>>;
  /** CPU seconds of the load generator, which shared the machine. */
  readonly loadCpuS?: number;
  /** What limits it, what was compared with what durability: sentences for docs/benchmarks.md. */
  readonly notes?: readonly string[];
}

/** A file bench/NAME.ts exports this as `run`. */
export type Bench = (options: BenchOptions) => Promise<BenchResult>;

export function machineName(): string {
  const all = cpus();
  const memory = Math.round(totalmem() / GIB);
  return `${all.length} x ${all[0]?.model.trim() ?? 'CPU'}, ${memory} GiB, Linux ${release()}, Node.js ${process.version}`;
}

/** A line for people, on standard error: the result alone is on standard output. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The value below which this share of them lies, nearest rank; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** For figures of results: two digits after the point. */
export const hundredths = (value: number): number => Math.round(value * 100) / 100;

/** Proportional set size of a process, bytes; 0 when it has gone. */
export async function pssBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1_024;
}

/** User and system CPU seconds that a process has used. */
export function cpuSeconds(pid: number): Promise<number> {
  return cpuSecondsOf(`/proc/${pid}/stat`);
}

/** The same of its first thread alone: of a Node.js process the one that runs JavaScript. */
export function mainThreadCpuSeconds(pid: number): Promise<number> {
  return cpuSecondsOf(`/proc/${pid}/task/${pid}/stat`);
}

async function cpuSecondsOf(stat: string): Promise<number> {
  const text = await readFile(stat, 'utf8').catch(() => '');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / CLOCK_TICKS_PER_S;
}

/** Samples the memory of processes together until it is stopped. */
export class PeakMemory {
  peakBytes = 0;
  readonly #pids: () => readonly number[];
  readonly #timer: NodeJS.Timeout;

  constructor(pids: () => readonly number[], everyMs = 500) {
    this.#pids = pids;
    this.#timer = setInterval(() => void this.#sample(), everyMs);
  }

  async stop(): Promise<number> {
    clearInterval(this.#timer);
    await this.#sample();
    return this.peakBytes;
  }

  async #sample(): Promise<void> {
    const sizes = await Promise.all(this.#pids().map(pssBytes));
    this.peakBytes = Math.max(
      this.peakBytes,
      sizes.reduce((sum, bytes) => sum + bytes, 0),
    );
  }
}

/** Runs a script of this repository on the Node.js that runs this one; its IPC channel is open. */
export function spawnScript(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, join(ROOT, script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  });
}

/** Polls until it holds; throws with what it waited for. */
export async function until(
  what: string,
  probe: () => Promise<boolean> | boolean,
  timeoutMs: number,
  everyMs = 20,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await probe())) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Subject and peer in turns, so that both meet the same machine. */
export async function inTurns<T>(rounds: number, ...runs: readonly (() => Promise<T>)[]): Promise<T[][]> {
  const results: T[][] = runs.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, run] of runs.entries()) results[i]?.push(await run());
  }
  return results;
}
