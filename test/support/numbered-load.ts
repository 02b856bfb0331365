/**
 * A sender that can be checked: each line says its connection and its number there. When a connection breaks, the next
 * one has a new number, so what arrived of each must be its first lines, whole and in order.
 */
import { connect, type Socket } from 'node:net';

const STEP_MS = 20;
const RETRY_MS = 100;

export class NumberedLoad {
  /** Lines handed to the kernel, by connection. */
  readonly sent: number[] = [];
  readonly #port: number;
  readonly #linesPerStep: number;
  readonly #slots: (Socket | undefined)[];
  readonly #numbers: number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(port: number, linesPerSecond: number, connections: number) {
    this.#port = port;
    this.#linesPerStep = Math.ceil((linesPerSecond * STEP_MS) / 1000 / connections);
    this.#slots = Array.from({ length: connections }, () => undefined);
  }

  start(): void {
    for (const slot of this.#slots.keys()) this.#open(slot);
    this.#timer = setInterval(() => {
      for (const slot of this.#slots.keys()) this.#send(slot);
    }, STEP_MS);
  }

  /** Ends the connections after what they were given; resolves when all are closed. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await Promise.all(
      this.#slots.map(async (socket) => {
        if (socket === undefined || socket.destroyed) return;
        const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
        socket.end();
        await closed;
      }),
    );
  }

  #open(slot: number): void {
    if (this.#isStopped) return;
    const number = this.sent.length;
    // A source address of its own for each slot, so that the lines go to several partitions.
    const socket = connect({ port: this.#port, host: '127.0.0.1', localAddress: `127.0.1.${slot + 1}` });
    socket.once('connect', () => {
      this.sent[number] = 0;
      this.#numbers[slot] = number;
      this.#slots[slot] = socket;
    });
    if (this.sent.length === number) this.sent.push(0);
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#slots[slot] = undefined;
      if (!this.#isStopped) setTimeout(() => this.#open(slot), RETRY_MS).unref();
    });
  }

  #send(slot: number): void {
    const socket = this.#slots[slot];
    const connection = this.#numbers[slot];
    // A receiver that pauses is not flooded: its back-pressure is part of what is tested.
    if (socket === undefined || connection === undefined || socket.writableNeedDrain) return;
    const first = this.sent[connection] ?? 0;
    const time = new Date().toISOString();
    let text = '';
    for (let line = first; line < first + this.#linesPerStep; line++) {
      text += `<134>1 ${time} load-${slot} numbered - - [n@1 conn="${connection}" line="${line}"] numbered line ${line} of connection ${connection} with some words to make it as long as usual lines are\n`;
    }
    this.sent[connection] = first + this.#linesPerStep;
    socket.write(text);
  }
}
