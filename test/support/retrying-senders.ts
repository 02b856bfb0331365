/**
 * Senders as real ones are behind DNS round robin: they know several addresses, send in order, and go to another address
 * when one fails. Events are numbered within their source, so that what was lost, doubled, turned round or made up shows.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const ANSWER_MS = 15_000;
const RETRY_MS = 100;

export interface Numbered {
  /** Its `app` (over HTTP) or its `host` (over syslog). */
  readonly source: string;
  /** Numbers from 0 on that have been sent, at least in part. */
  readonly sent: number;
  /** Of these, how many must be found: those that were acknowledged, or whose connection was ended in order. */
  readonly certain: number;
}

interface SenderOptions {
  readonly name: string;
  /** Ports on this machine, as a name server would tell them now; never empty. */
  readonly ports: () => readonly number[];
  readonly pauseMs: number;
  /** Who does not answer for so long is taken for dead. */
  readonly answerMs?: number;
}

/** Requests one after another, each with its Idempotency-Key until somebody acknowledges it. */
export class HttpSender {
  readonly #options: SenderOptions & { readonly eventsPerRequest: number };
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #acknowledged = 0;
  /** Requests that it took more than one attempt to have acknowledged. */
  retried = 0;

  constructor(options: SenderOptions & { readonly eventsPerRequest: number }) {
    this.#options = options;
    this.#running = this.#run();
  }

  get account(): Numbered {
    return { source: this.#options.name, sent: this.#acknowledged, certain: this.#acknowledged };
  }

  /** Resolves when everything that was sent is acknowledged. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { name, eventsPerRequest, pauseMs } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const first = this.#acknowledged;
      const lines = Array.from({ length: eventsPerRequest }, (_, i) => JSON.stringify({ message: `${first + i}` }));
      for (let attempt = 0; !(await this.#post(lines.join('\n'), `${name}-${first}`, first + attempt)); attempt++) {
        if (attempt === 0) this.retried++;
        await delay(RETRY_MS);
      }
      this.#acknowledged += eventsPerRequest;
      await delay(pauseMs);
    }
  }

  async #post(body: string, key: string, turn: number): Promise<boolean> {
    const ports = this.#options.ports();
    const port = ports[turn % ports.length];
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/api/logs?app=${this.#options.name}`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson', 'idempotency-key': key },
        body,
        signal: AbortSignal.timeout(this.#options.answerMs ?? ANSWER_MS),
      });
      await answer.text();
      return answer.status === 200;
    } catch {
      return false;
    }
  }
}

/** Lines of syslog over TCP; every connection is a source of its own, of which nothing is acknowledged. */
export class SyslogSender {
  readonly #options: SenderOptions & { readonly linesPerConnection: number };
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  readonly #connections: { source: string; sent: number; certain: number }[] = [];

  constructor(options: SenderOptions & { readonly linesPerConnection: number }) {
    this.#options = options;
    this.#running = this.#run();
  }

  get accounts(): readonly Numbered[] {
    return this.#connections;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let turn = 0; !this.#stopping.signal.aborted; turn++) {
      const ports = this.#options.ports();
      const socket = connect({ port: ports[turn % ports.length] ?? 0, host: '127.0.0.1' });
      try {
        await once(socket, 'connect');
        await this.#send(socket);
      } catch {
        await delay(RETRY_MS);
      } finally {
        socket.destroy();
      }
    }
  }

  async #send(socket: Socket): Promise<void> {
    const { name, linesPerConnection, pauseMs } = this.#options;
    const connection = { source: `${name}-${this.#connections.length}`, sent: 0, certain: 0 };
    this.#connections.push(connection);
    let isBroken = false;
    socket.on('error', () => {
      isBroken = true;
    });
    const closed = once(socket, 'close').catch(() => {});
    // A collector that stops ends the connection: what it had not read by then nobody has.
    socket.on('end', () => {
      isBroken = connection.certain === 0;
    });
    while (!isBroken && connection.sent < linesPerConnection && !this.#stopping.signal.aborted) {
      const time = new Date().toISOString();
      socket.write(`<134>1 ${time} ${connection.source} app - - - ${connection.sent++}\n`);
      await delay(pauseMs);
    }
    if (isBroken) return;
    connection.certain = connection.sent;
    socket.end();
    await closed;
    if (socket.errored !== null) connection.certain = 0;
  }
}
