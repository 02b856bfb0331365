/** One role as a child process: started, watched, restarted with back-off, stopped. */
import { type ChildProcess, fork } from 'node:child_process';
import { extname, join } from 'node:path';
import type { ErrorCode } from '../lib/errors.ts';
import { SUPERVISOR_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { MarksOutbox } from './marks-outbox.ts';
import type { FromRole, Listening, RoleName, StartMessage, ToRole } from './messages.ts';
import { Silence } from './silence.ts';

// The store's engine runs queries, inserts, kills and file I/O on libuv's pool, and the pool has to be larger than their
// sum or a kill waits behind what it is to kill; the queue's roles need a few threads per partition that is syncing.
const THREAD_POOL: Record<RoleName, string> = { collector: '8', processor: '8', store: '24' };
/**
 * The store unpacks a MiB of events at a time beside a heap of 20 MiB, and V8 would collect it every 10 MiB, which took
 * 2 us of CPU an event. So its heap may always grow to four times what lives before it is collected, which is also the
 * most that V8 would choose.
 */
const NODE_OPTIONS: Record<RoleName, readonly string[]> = {
  collector: [],
  processor: [],
  store: ['--heap-growing-percent=300'],
};

/**
 * Failures of a first start that the next one need not meet: a disk that is full will have room again, and who was
 * overtaken by another process that started at the same time finds what that one made.
 */
const PASSING: ReadonlySet<ErrorCode> = new Set(['DISK_FULL', 'QUEUE_FENCED']);

/** `silent`: it was ready, and stands still. */
export type RoleState = 'starting' | 'ready' | 'silent' | 'waiting' | 'stopping' | 'stopped';

export interface RoleReport {
  readonly role: RoleName;
  readonly state: RoleState;
  readonly pid: number | null;
  readonly restarts: number;
  /** Why it ended the last time. */
  readonly lastExit: string | null;
  /** What it needs before it can begin; null where it has it. */
  readonly waitsFor: string | null;
  /** When it was started; of one that is silent, when it was heard last. Epoch ms. */
  readonly sinceMs: number;
}

export type RoleFailure = Pick<Extract<FromRole, { kind: 'failed' }>, 'code' | 'message'>;

export interface RoleEvents {
  onMessage(role: RoleName, message: FromRole): void;
  onReady(role: RoleName, listening: readonly Listening[]): void;
  /** It lives, and cannot begin before something is there that it needs. */
  onWaiting(role: RoleName): void;
  /** It was ready and has said nothing since then (epoch ms); null: it is heard again. */
  onSilent(role: RoleName, sinceMs: number | null): void;
  /** It ended and will be started again. */
  onExit(role: RoleName): void;
  /** Its first start failed, and so would the next: a port that is taken, an option that is wrong. */
  onUnable(role: RoleName, failure: RoleFailure): void;
}

export interface RoleProcessOptions {
  readonly role: RoleName;
  /** For each start, what holds then. */
  readonly startMessage: () => StartMessage;
  readonly events: RoleEvents;
  readonly log: Logger;
  /** The longest wait before it is started again. */
  readonly delayMaxMs: number;
  /** Lowered in tests. */
  readonly readyTimeoutMs?: number;
  /** What runs in the process; a role, where it is left out. */
  readonly entry?: string;
}

export class RoleProcess {
  readonly role: RoleName;
  readonly #startMessage: () => StartMessage;
  readonly #events: RoleEvents;
  readonly #log: Logger;
  readonly #delayMaxMs: number;
  readonly #readyTimeoutMs: number;
  readonly #entry: string;
  #child: ChildProcess | undefined;
  #marks: MarksOutbox | undefined;
  #state: RoleState = 'stopped';
  #restarts = 0;
  #delayMs = 0;
  #startedMs = 0;
  #lastExit: string | null = null;
  #waitsFor: string | null = null;
  #failure: RoleFailure | undefined;
  #everReady = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #silence = new Silence((sinceMs) => this.#silent(sinceMs));

  constructor(options: RoleProcessOptions) {
    const { role, startMessage, events, log, delayMaxMs } = options;
    this.role = role;
    this.#startMessage = startMessage;
    this.#events = events;
    this.#log = log;
    this.#delayMaxMs = delayMaxMs;
    this.#readyTimeoutMs = options.readyTimeoutMs ?? SUPERVISOR_LIMITS.readyTimeoutMs;
    this.#entry = options.entry ?? join(import.meta.dirname, `role${extname(import.meta.filename)}`);
  }

  get report(): RoleReport {
    const { role } = this;
    const pid = this.#child?.pid ?? null;
    const silentMs = this.#silence.sinceMs;
    return {
      role,
      state: silentMs === null ? this.#state : 'silent',
      pid,
      restarts: this.#restarts,
      lastExit: this.#lastExit,
      waitsFor: this.#waitsFor,
      sinceMs: silentMs ?? this.#startedMs,
    };
  }

  start(): void {
    this.#state = 'starting';
    this.#startedMs = Date.now();
    this.#failure = undefined;
    this.#waitsFor = null;
    const child = fork(this.#entry, [], {
      execArgv: [...process.execArgv, ...NODE_OPTIONS[this.role]],
      env: { ...process.env, UV_THREADPOOL_SIZE: THREAD_POOL[this.role] },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    this.#marks = new MarksOutbox((marks, sent) => child.connected && child.send({ kind: 'marks', marks }, sent));
    child.on('message', (message: FromRole) => this.#receive(message));
    child.on('error', (error) => this.#log.error({ child: this.role, err: error }, 'role process failed'));
    child.on('exit', (code, signal) => this.#exited(signal ?? `exit code ${code}`));
    this.send(this.#startMessage());
    this.#endUnlessReady();
  }

  send(message: ToRole): void {
    if (message.kind === 'marks') this.#marks?.send(message.marks);
    else if (this.#child?.connected) this.#child.send(message, () => {});
  }

  /** Asks it to drain and end; kills it when that takes too long. True when it ended by itself. */
  async stop(): Promise<boolean> {
    const child = this.#child;
    clearTimeout(this.#timer);
    this.#silence.end();
    this.#state = 'stopping';
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return true;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    this.send({ kind: 'stop' });
    const killer = setTimeout(() => child.kill('SIGKILL'), SUPERVISOR_LIMITS.stopTimeoutMs);
    await ended;
    clearTimeout(killer);
    this.#state = 'stopped';
    return child.signalCode === null;
  }

  #receive(message: FromRole): void {
    this.#silence.heard();
    if (message.kind === 'ready') {
      clearTimeout(this.#timer);
      // It may become ready while it is already to end.
      if (this.#state === 'stopping') return;
      this.#state = 'ready';
      this.#waitsFor = null;
      this.#everReady = true;
      this.#silence.expect();
      this.#events.onReady(this.role, message.listening);
    } else if (message.kind === 'waiting') {
      clearTimeout(this.#timer);
      if (this.#state === 'stopping') return;
      this.#state = 'waiting';
      this.#waitsFor = message.waitsFor;
      // The others go on, whatever it will find.
      this.#everReady = true;
      this.#events.onWaiting(this.role);
    } else if (message.kind === 'starting') {
      if (this.#state === 'stopping') return;
      this.#state = 'starting';
      this.#waitsFor = null;
      this.#endUnlessReady();
    } else if (message.kind === 'failed') this.#failure = message;
    else this.#events.onMessage(this.role, message);
  }

  #silent(sinceMs: number | null): void {
    const { role } = this;
    if (sinceMs === null) this.#log.info({ child: role }, 'a role that stood still is heard again');
    else {
      const since = new Date(sinceMs).toISOString();
      this.#log.error({ child: role, pid: this.#child?.pid, since }, 'a role stands still: it has said nothing since');
    }
    this.#events.onSilent(role, sinceMs);
  }

  #endUnlessReady(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#log.error({ child: this.role }, `not ready after ${this.#readyTimeoutMs} ms: killed`);
      this.#child?.kill('SIGKILL');
    }, this.#readyTimeoutMs);
  }

  #exited(how: string): void {
    clearTimeout(this.#timer);
    this.#silence.end();
    this.#child = undefined;
    this.#marks = undefined;
    this.#waitsFor = null;
    this.#lastExit = this.#failure?.message ?? how;
    if (this.#state === 'stopping') return;
    if (this.#failure !== undefined && !PASSING.has(this.#failure.code) && !this.#everReady) {
      this.#state = 'stopped';
      this.#events.onUnable(this.role, this.#failure);
      return;
    }
    this.#events.onExit(this.role);
    const healthy = Date.now() - this.#startedMs > SUPERVISOR_LIMITS.healthyAfterMs;
    const { restartDelayMs } = SUPERVISOR_LIMITS;
    this.#delayMs = healthy || this.#delayMs === 0 ? restartDelayMs : Math.min(this.#delayMs * 2, this.#delayMaxMs);
    this.#state = 'waiting';
    this.#restarts++;
    this.#log.warn(
      { child: this.role, how: this.#lastExit, delayMs: this.#delayMs },
      'role ended; it is started again',
    );
    this.#timer = setTimeout(() => this.start(), this.#delayMs);
  }
}
