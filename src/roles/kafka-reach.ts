/** How the brokers of the configuration are reached. */
import { readFileSync } from 'node:fs';
import type { Config } from '../config/schema.ts';
import { messageOf, SpillwayError } from '../lib/errors.ts';
import type { KafkaOptions } from '../queue/kafka/options.ts';

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
    Object.entries(files).flatMap(([name, path]) => (path === undefined ? [] : [[name, readPem(name, path)]])),
  );
}

/** Node.js passes over what is no certificate, and then trusts nobody. */
function readPem(name: string, path: string): Buffer {
  let pem: Buffer;
  try {
    pem = readFileSync(path);
  } catch (cause) {
    throw new SpillwayError('CONFIG_INVALID', `queue.tls.${name}: ${path} cannot be read: ${messageOf(cause)}.`, {
      cause,
    });
  }
  const what = name === 'key' ? 'PRIVATE KEY-----' : '-----BEGIN CERTIFICATE-----';
  if (pem.includes(what)) return pem;
  const wanted = name === 'key' ? 'private key' : 'certificate';
  throw new SpillwayError('CONFIG_INVALID', `queue.tls.${name}: ${path} has no ${wanted} in PEM form.`);
}
