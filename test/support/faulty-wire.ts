/**
 * A wire with faults: forwards TCP connections to a server, slowly, in pieces, or not at all, and cuts them when told to
 * or after so many bytes. What is cut may end in the middle of a request or of its answer.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface Faults {
  /** Each piece arrives so much later, in both directions. */
  readonly delayMs?: number;
  /** A connection ends after so many bytes, asked for each; undefined does not end it. */
  readonly cutAfterBytes?: () => number | undefined;
  /** Connections are taken, and nothing ever comes through. */
  readonly silent?: boolean;
  /** Connections are refused as soon as they are made. */
  readonly refuse?: boolean;
}

export class FaultyWire {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Where to: may be set once the server's port is known. */
  target: number;
  faults: Faults = {};
  /** How many connections it has ended by itself. */
  cuts = 0;

  private constructor(target: number) {
    this.target = target;
    this.#server = createServer((client) => this.#serve(client));
  }

  /** `target`: a port of the loopback address. */
  static async start(target = 0): Promise<FaultyWire> {
    const proxy = new FaultyWire(target);
    await new Promise<void>((resolve) => void proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Ends all connections now. */
  cut(): void {
    this.cuts += this.#sockets.size > 0 ? 1 : 0;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(client: Socket): void {
    if (this.faults.refuse === true) return void client.destroy();
    const server = connect(this.target, '127.0.0.1');
    let left = this.faults.cutAfterBytes?.() ?? Number.POSITIVE_INFINITY;
    const end = () => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    const pass = async (from: Socket, to: Socket) => {
      for await (const piece of from as AsyncIterable<Buffer>) {
        const { delayMs = 0 } = this.faults;
        if (delayMs > 0) await delay(delayMs);
        while (this.faults.silent === true && !from.destroyed) await delay(20);
        const passed = piece.subarray(0, left);
        left -= piece.length;
        if (!to.destroyed && !to.write(passed)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
        if (left > 0) continue;
        this.cuts++;
        end();
      }
      to.end();
    };
    pass(client, server).catch(end);
    pass(server, client).catch(end);
  }
}
