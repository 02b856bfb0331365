/** What a Kafka cluster is reached by. */
import type { ConnectionOptions as TlsOptions } from 'node:tls';

export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-512';

export interface KafkaLogin {
  readonly mechanism: ScramMechanism;
  readonly username: string;
  readonly password: string;
}

export interface KafkaOptions {
  /** `host:port` of some of the brokers; the others are learnt from these. */
  readonly brokers: readonly string[];
  /** What the brokers' logs call this process. */
  readonly clientId: string;
  readonly tls?: TlsOptions;
  readonly login?: KafkaLogin;
}

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export const printAddress = ({ host, port }: BrokerAddress): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** `host:port`, with brackets around an IPv6 address. */
export function parseAddress(text: string): BrokerAddress | undefined {
  const found = /^(?:\[(?<six>[0-9a-fA-F:.]+)\]|(?<name>[^:[\]\s]+)):(?<port>\d{1,5})$/.exec(text)?.groups;
  const port = Number(found?.port);
  const host = found?.six ?? found?.name;
  return host === undefined || !(port >= 1 && port <= 65_535) ? undefined : { host, port };
}
