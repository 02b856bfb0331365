/** syslog over TCP (RFC 6587): a listener and its connections. There is no acknowledgement but TCP's own. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { messageOf, SpillwayError } from '../../../lib/errors.ts';
import type { InputContext } from '../../outlets.ts';
import type { Listening, ListeningInput } from '../input.ts';
import { SyslogConnection } from './connection.ts';
import { syslogSender } from './sender.ts';
import type { UnfinishedBudget } from './unfinished.ts';

const INPUT = 'syslog-tcp';
const BACKLOG = 1_024;

export interface SyslogListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly tenant: string;
}

export class SyslogTcpInput implements ListeningInput {
  readonly #context: InputContext;
  readonly #options: SyslogListenerOptions;
  readonly #budget: UnfinishedBudget;
  readonly #server: Server;
  readonly #connections = new Set<SyslogConnection>();

  constructor(context: InputContext, options: SyslogListenerOptions, budget: UnfinishedBudget) {
    this.#context = context;
    this.#options = options;
    this.#budget = budget;
    this.#server = createServer({ keepAlive: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = context.limits.tcpConnections;
    context.highWater.onBlocked(() => {
      for (const connection of this.#connections) connection.pauseForDisk();
    });
    this.#server.on('drop', () => context.metrics.refusedConnections.labels(INPUT).inc());
  }

  async listen(): Promise<Listening> {
    const { host, port } = this.#options;
    this.#server.listen({ host, port, backlog: BACKLOG });
    try {
      await once(this.#server, 'listening');
    } catch (cause) {
      throw new SpillwayError('LISTEN_FAILED', `syslog cannot listen on TCP ${host}:${port}: ${messageOf(cause)}`, {
        cause,
      });
    }
    this.#server.on('error', (error) => this.#context.log.error({ error: messageOf(error) }, 'syslog over TCP'));
    const bound = this.#server.address() as AddressInfo;
    return { what: 'syslog TCP', address: bound.address, port: bound.port };
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.drain();
    const deadline = setTimeout(() => {
      for (const connection of this.#connections) connection.socket.destroy();
    }, this.#context.limits.drainMs);
    await closed;
    clearTimeout(deadline);
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) {
      // It has gone again.
      socket.destroy();
      return;
    }
    const sender = syslogSender(this.#context, INPUT, this.#options.tenant, remoteAddress, remotePort);
    const connection = new SyslogConnection(this.#context, socket, sender, this.#budget);
    const open = this.#context.metrics.connections.labels(INPUT);
    open.inc();
    this.#connections.add(connection);
    socket.once('close', () => {
      open.dec();
      this.#connections.delete(connection);
    });
  }
}
