import { readFileSync } from 'node:fs';
import { messageOf, SpillwayError } from '../lib/errors.ts';

/**
 * The file of an option (`queue.tls.ca`, `queue.tls.key`). Throws CONFIG_INVALID where it cannot be read, or does not have
 * what its name says: Node.js passes over what is no certificate, and then trusts nobody.
 */
export function readPem(option: string, path: string): Buffer {
  let pem: Buffer;
  try {
    pem = readFileSync(path);
  } catch (cause) {
    throw new SpillwayError('CONFIG_INVALID', `${option}: ${path} cannot be read: ${messageOf(cause)}.`, { cause });
  }
  const isKey = option.endsWith('.key');
  if (pem.includes(isKey ? 'PRIVATE KEY-----' : '-----BEGIN CERTIFICATE-----')) return pem;
  const wanted = isKey ? 'private key' : 'certificate';
  throw new SpillwayError('CONFIG_INVALID', `${option}: ${path} has no ${wanted} in PEM form.`);
}
