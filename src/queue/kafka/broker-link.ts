/**
 * One connection to one broker. A broker answers the requests of a connection one after another, so whoever waits long
 * (a reader at the end of its partition) or pipelines (a writer) has one of its own. After a failure it is closed: an
 * answer that comes later has nobody to go to, and whoever asked asks again on another one.
 */
import { isIP } from 'node:net';
import { type API, Connection } from '@platformatic/kafka';
import { KAFKA_LIMITS } from '../../lib/limits.ts';
import { labelOf, verdictOn } from './broker-errors.ts';
import type { LinkMetrics } from './metrics.ts';
import { type BrokerAddress, type KafkaOptions, printAddress } from './options.ts';

export class BrokerLink {
  readonly address: BrokerAddress;
  readonly #connection: Connection;
  #isClosed = false;

  private constructor(address: BrokerAddress, connection: Connection, metrics: LinkMetrics | undefined) {
    this.address = address;
    this.#connection = connection;
    metrics?.opened(printAddress(address));
    connection.once('close', () => {
      this.#isClosed = true;
      metrics?.closed(printAddress(address));
    });
  }

  /** `signal` breaks it off. Throws what the library throws (see broker-errors.ts). */
  static async open(
    address: BrokerAddress,
    options: KafkaOptions,
    metrics?: LinkMetrics,
    signal?: AbortSignal,
  ): Promise<BrokerLink> {
    const { clientId, tls, login } = options;
    const connection = new Connection(clientId, {
      connectTimeout: KAFKA_LIMITS.connectMs,
      requestTimeout: KAFKA_LIMITS.requestMs,
      maxInflights: KAFKA_LIMITS.appendsInFlight,
      ...(tls === undefined ? {} : { tls, tlsServerName: isIP(address.host) === 0 }),
      ...(login === undefined ? {} : { sasl: { ...login } }),
    });
    // Every failure also reaches whoever waits for an answer; without a listener it would end the process.
    connection.on('error', () => {});
    const breakOff = () => void connection.socket?.destroy(new Error('broken off'));
    signal?.addEventListener('abort', breakOff, { once: true });
    try {
      await connection.connect(address.host, address.port);
    } catch (thrown) {
      connection.socket?.destroy();
      metrics?.failed(printAddress(address), labelOf(thrown));
      throw thrown;
    } finally {
      signal?.removeEventListener('abort', breakOff);
    }
    return new BrokerLink(address, connection, metrics);
  }

  get isOpen(): boolean {
    return !this.#isClosed && this.#connection.isConnected();
  }

  /** Makes the request now: requests of one link are sent in the order of the calls. */
  async ask<Question extends unknown[], Answer>(api: API<Question, Answer>, ...question: Question): Promise<Answer> {
    try {
      return await api.async(this.#connection, ...question);
    } catch (thrown) {
      // What the broker itself answers leaves the connection as it was.
      if (verdictOn(thrown) === 'retry' && !this.#connection.isConnected()) this.close();
      throw thrown;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#connection.socket?.destroy();
  }
}
