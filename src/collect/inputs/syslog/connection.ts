/** One sender over TCP: frames its bytes into its partition, and pauses it while the queue is behind. */
import type { Socket } from 'node:net';
import { COLLECT_LIMITS } from '../../../lib/limits.ts';
import type { DeadLetter } from '../../dead-letters.ts';
import type { Lane } from '../../lane.ts';
import type { InputContext } from '../../outlets.ts';
import { type FrameHandler, SyslogFramer } from './framing.ts';
import type { SyslogSender } from './sender.ts';
import type { UnfinishedBudget } from './unfinished.ts';

export class SyslogConnection implements FrameHandler {
  readonly socket: Socket;
  readonly #context: InputContext;
  readonly #sender: SyslogSender;
  readonly #headers: Buffer;
  #lane: Lane;
  readonly #framer: SyslogFramer;
  #letter: DeadLetter | undefined;
  #isPaused = false;
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

  #pause(lane: Lane): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#context.metrics.pausedConnections.inc();
    this.socket.pause();
    lane.whenReady(() => {
      this.#isPaused = false;
      this.#context.metrics.pausedConnections.dec();
      this.socket.resume();
    });
  }

  #idle(): void {
    if (this.#isPaused) return;
    if (!this.#isDraining) this.#context.metrics.idleConnections.labels(this.#sender.meta.input).inc();
    this.socket.destroy();
  }

  #closed(): void {
    this.#lane = this.#sender.route.outlet.sockets;
    this.#lane.begin(this.#sender.meta, this.#context.clock.now());
    this.#framer.finish();
    this.#lane.flush();
    if (this.#wroteDeadLetter) this.#flushDeadLetters();
  }
}
