/** How the brokers of the configuration are reached. */
import type { Config } from '../config/schema.ts';
import type { KafkaOptions } from '../queue/kafka/options.ts';
import { readPem } from './read-pem.ts';

/** Throws CONFIG_INVALID where a file of certificates cannot be read. */
export function kafkaOptionsOf({ queue }: Config, clientId: string): KafkaOptions {
  const { brokers, tls, sasl } = queue;
  const { username, password, mechanism } = sasl;
  return {
    brokers,
    clientId,
    ...(tls.enabled ? { tls: tlsOf(tls) } : {}),
    ...(username === undefined || password === undefined ? {} : { login: { mechanism, username, password } }),
  };
}

function tlsOf(tls: Config['queue']['tls']): Record<string, Buffer> {
  const files = { ca: tls.ca, cert: tls.cert, key: tls.key };
  return Object.fromEntries(
    Object.entries(files).flatMap(([name, path]) =>
      path === undefined ? [] : [[name, readPem(`queue.tls.${name}`, path)]],
    ),
  );
}
