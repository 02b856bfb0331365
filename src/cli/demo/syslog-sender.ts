/** Sends syslog messages over one TCP connection, octet-counted (RFC 6587, 3.4.1), and connects again when it breaks. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export class SyslogSender {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  /** Waits while the receiver is slow. Rejects where it cannot connect; a later call tries again. */
  async send(messages: readonly string[]): Promise<void> {
    const socket = await this.#connected();
    const framed = messages.map((message) => `${Buffer.byteLength(message)} ${message}`).join('');
    if (!socket.write(framed)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) return;
    socket.end();
    await once(socket, 'close');
  }

  async #connected(): Promise<Socket> {
    if (this.#socket !== undefined && !this.#socket.destroyed) return this.#socket;
    const socket = connect({ host: this.#host, port: this.#port });
    await once(socket, 'connect');
    socket.on('error', () => socket.destroy());
    socket.resume();
    this.#socket = socket;
    return socket;
  }
}
