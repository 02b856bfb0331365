/** One sender over TCP: frames its bytes into its partition, and is not read while the queue is behind or its disk full. */
import type { Socket } from 'node:net';
import { COLLECT_LIMITS } from '../../../lib/limits.ts';
import type { DeadLetter } from '../../dead-letters.ts';
import type { Lane } from '../../lane.ts';
import type { InputContext } from '../../outlets.ts';
import { type FrameHandler, SyslogFramer } from './framing.ts';
import type { SyslogSender } from './sender.ts';
import type { UnfinishedBudget } from './unfinished.ts';

/** What a connection may have to wait for: its lane, that of the dead letters, or the disk. */
interface Cause {
  readonly blocked: boolean;
  whenReady(resume: () => void): void;
}

export class SyslogConnection implements FrameHandler {
  readonly socket: Socket;
  readonly #context: InputContext;
  readonly #sender: SyslogSender;
  readonly #headers: Buffer;
  #lane: Lane;
  readonly #framer: SyslogFramer;
  #letter: DeadLetter | undefined;
  #isPaused = false;
  #isClosed = false;
  #isDraining = false;
  #wroteDeadLetter = false;
  readonly #receivedBytes: { inc(bytes: number): void };

  constructor(context: InputContext, socket: Socket, sender: SyslogSender, budget: UnfinishedBudget) {
    this.#context = context;
    this.socket = socket;
    this.#sender = sender;
    this.#headers = sender.headers;
    this.#lane = sender.route.outlet.sockets;
    this.#framer = new SyslogFramer(this, budget);
    this.#receivedBytes = context.metrics.receivedBytes.labels(sender.meta.input);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('timeout', () => this.#idle());
    // What happened to the connection is in its close; what it sent before is kept.
    socket.on('error', () => {});
    socket.on('close', () => this.#closed());
    socket.setTimeout(context.limits.tcpIdleMs);
    if (context.highWater.blocked) this.pauseForDisk();
  }

  /** What it has sent stays in the kernel's buffers, and its sender waits. */
  pauseForDisk(): void {
    this.#pause(this.#context.highWater);
  }

  /** The sender is asked to stop; what it sent is read, until nothing more comes. */
  drain(): void {
    this.#isDraining = true;
    this.socket.end();
    this.socket.setTimeout(this.#context.limits.drainQuietMs);
  }

  message(bytes: Buffer, start: number, end: number): void {
    this.#lane.append(bytes, start, end, this.#headers);
  }

  garbage(bytes: Buffer, start: number, end: number): void {
    const { deadLetters, dead } = this.#context.outlets;
    const cause = { code: 'FRAME_INVALID', reason: 'This is neither syslog nor text.' } as const;
    deadLetters.write(dead.sockets, this.#sender.meta, cause, bytes, start, end);
    this.#wroteDeadLetter = true;
  }

  oversized(bytes: Buffer, start: number, end: number): void {
    const { deadLetters, dead } = this.#context.outlets;
    this.#wroteDeadLetter = true;
    this.#letter ??= deadLetters.open(dead.sockets, this.#sender.meta, {
      code: 'MESSAGE_TOO_LARGE',
      reason: `The message is longer than ${COLLECT_LIMITS.messageBytes} bytes, or there was no memory for its end.`,
    });
    this.#letter.add(bytes, start, end);
  }

  oversizedEnd(): void {
    this.#letter?.end();
    this.#letter = undefined;
  }

  #read(chunk: Buffer): void {
    this.#receivedBytes.inc(chunk.length);
    this.#lane = this.#sender.route.outlet.sockets;
    this.#lane.begin(this.#sender.meta, this.#context.clock.now());
    this.#framer.push(chunk);
    this.#lane.flush();
    if (this.#lane.blocked) this.#pause(this.#lane);
    if (this.#wroteDeadLetter) this.#flushDeadLetters();
  }

  #flushDeadLetters(): void {
    const lane = this.#context.outlets.dead.sockets;
    this.#wroteDeadLetter = false;
    lane.flush();
    if (lane.blocked) this.#pause(lane);
  }

  #pause(cause: Cause): void {
    if (this.#isPaused || this.#isClosed) return;
    this.#isPaused = true;
    this.#context.metrics.pausedConnections.inc();
    this.socket.pause();
    cause.whenReady(this.#resume);
  }

  readonly #resume = (): void => {
    if (!this.#isPaused) return;
    const { highWater, metrics } = this.#context;
    if (highWater.blocked && !this.#isClosed) {
      highWater.whenReady(this.#resume);
      return;
    }
    this.#isPaused = false;
    metrics.pausedConnections.dec();
    this.socket.resume();
  };

  #idle(): void {
    if (this.#isPaused) {
      // It may not send: its time begins again, since Node tells of it once.
      this.socket.setTimeout(this.socket.timeout ?? 0);
      return;
    }
    if (!this.#isDraining) this.#context.metrics.idleConnections.labels(this.#sender.meta.input).inc();
    this.socket.destroy();
  }

  #closed(): void {
    this.#isClosed = true;
    // Only the disk may keep it waiting for hours, and for so long nothing of a connection that is gone must stay.
    this.#context.highWater.forget(this.#resume);
    if (this.#isPaused) this.#context.metrics.pausedConnections.dec();
    this.#isPaused = false;
    this.#lane = this.#sender.route.outlet.sockets;
    this.#lane.begin(this.#sender.meta, this.#context.clock.now());
    this.#framer.finish();
    this.#lane.flush();
    if (this.#wroteDeadLetter) this.#flushDeadLetters();
  }
}
