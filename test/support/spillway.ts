/** A real Spillway for tests: the program as a user starts it, on free ports, in a data folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Listening } from '../../src/roles/messages.ts';
import { freePort } from './ports.ts';

const ROOT = join(import.meta.dirname, '../..');
const READY_MS = 60_000;
const POLL_MS = 50;
const LOG_TAIL_CHARS = 2_000;

export interface SpillwayOptions {
  /** spillway.yaml as JSON (YAML reads it); ports default to free ones. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** A folder to start on again; a fresh one otherwise. */
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A script that starts it with the path of the configuration; the command line otherwise. */
  readonly script?: string;
  /** Only this role. */
  readonly role?: RoleInfo['role'];
  /** How long it may take to be ready: longer where many start on one machine. */
  readonly readyMs?: number;
}

export interface RoleInfo {
  readonly role: 'collector' | 'processor' | 'store';
  readonly state: string;
  readonly pid: number | null;
  readonly restarts: number;
}

export class SpillwayProcess {
  readonly folder: string;
  readonly child: ChildProcess;
  readonly listening: readonly Listening[];
  readonly #ended: Promise<number | null>;

  private constructor(folder: string, child: ChildProcess, listening: readonly Listening[]) {
    this.folder = folder;
    this.child = child;
    this.listening = listening;
    this.#ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  }

  static async start(options: SpillwayOptions = {}): Promise<SpillwayProcess> {
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'spillway-test-')));
    const file = join(folder, 'spillway.yaml');
    // Ports that a role takes again when it is started again.
    const [http, syslog, store] = [await freePort(), await freePort(), await freePort()];
    const defaults = {
      data: join(folder, 'data'),
      http: { port: http },
      store: { port: store },
      inputs: { syslog: [{ port: syslog }] },
    };
    // How full this machine's disk happens to be is nothing that a test is about.
    const queue = { highWater: '100%', minFree: '0B', ...(options.config?.queue as object | undefined) };
    await writeFile(file, JSON.stringify({ ...defaults, ...options.config, queue }));
    const command =
      options.script === undefined
        ? [
            join(ROOT, 'bin/spillway.mjs'),
            'start',
            '--config',
            file,
            ...(options.role === undefined ? [] : ['--role', options.role]),
          ]
        : [join(ROOT, options.script), file];
    const child = spawn(process.execPath, command, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    child.stderr?.pipe(createWriteStream(join(folder, 'spillway.log'), { flags: 'a' }));
    const listening = await readListening(child, folder, options.readyMs ?? READY_MS);
    return new SpillwayProcess(folder, child, listening);
  }

  /** Of the front door, or of the store where that runs alone. */
  get url(): string {
    const where =
      this.listening.find(({ what }) => what === 'http') ?? this.listening.find(({ what }) => what === 'store');
    return `http://127.0.0.1:${where?.port}`;
  }

  port(what: string): number {
    const found = this.listening.find((listening) => listening.what === what);
    if (found === undefined) throw new Error(`nothing listens for ${what}: ${JSON.stringify(this.listening)}`);
    return found.port;
  }

  async json<T>(path: string, init?: RequestInit): Promise<T> {
    const response = await fetch(this.url + path, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async roles(): Promise<readonly RoleInfo[]> {
    return (await this.json<{ roles: readonly RoleInfo[] }>('/api/status')).roles;
  }

  /** Kills roles with SIGKILL; how many of them were running. */
  async kill(...roles: readonly RoleInfo['role'][]): Promise<number> {
    const pids = (await this.roles()).flatMap(({ role, pid }) => (roles.includes(role) ? (pid ?? []) : []));
    return pids.filter((pid) => {
      try {
        return process.kill(pid, 'SIGKILL');
      } catch {
        return false;
      }
    }).length;
  }

  /** Kills all of it at once, as a machine dies. */
  async killAll(): Promise<void> {
    if (this.child.pid === undefined) return;
    for (const pid of [this.child.pid, ...descendantsOf(this.child.pid)]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself, its supervisor being gone.
      }
    }
    await this.#ended;
  }

  /** Exit code, once it has ended. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  /** Exit code after SIGTERM. */
  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.#ended;
  }

  /** Stops it, if it runs, and removes its folder. */
  async dispose(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

function descendantsOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

/** Polls until `probe` gives a value other than undefined or false; the error says what was seen last. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let seen: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      seen = value;
    } catch (error) {
      seen = error;
    }
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}; last: ${String(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** `start` in a pipe prints one JSON line when it is ready: {"ready":true,"listening":[…]}. */
async function readListening(child: ChildProcess, folder: string, readyMs: number): Promise<readonly Listening[]> {
  let text = '';
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGTERM');
      reject(new Error(`not ready in ${readyMs} ms, see ${folder}/spillway.log: ${text}`));
    }, readyMs);
    child.once('exit', (code) => {
      const log = readFileSync(join(folder, 'spillway.log'), 'utf8').slice(-LOG_TAIL_CHARS);
      reject(new Error(`ended with ${code} before it was ready: ${text}${log}`));
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      for (const line of text.split('\n')) {
        if (!line.startsWith('{') || !line.endsWith('}')) continue;
        const message = JSON.parse(line);
        if (message.ready !== true) continue;
        clearTimeout(timer);
        resolve(message.listening);
      }
    });
  });
}
