/**
 * What cannot be combined is refused at start, never half-working. The embedded queue is read and written by the
 * processes of one start on one machine; the embedded search engine has all events of its queue, so that no other store
 * may take a part of them, whatever engine that one has.
 */
import type { Config } from '../config/schema.ts';
import { SpillwayError } from '../lib/errors.ts';
import type { RoleName } from './messages.ts';

/** Throws CONFIG_INVALID. */
export function assertCombinable({ queue }: Pick<Config, 'queue'>, roles: readonly RoleName[] | undefined): void {
  if (roles === undefined || queue.engine !== 'embedded') return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `A ${roles.join(' or ')} alone has nobody to work with on the embedded queue: it is in the data folder of one start. Leave out --role, or set queue.engine to kafka.`,
  );
}

/** A store as its queue knows it: `site-store-engine-name`, where the name is of its data folder. */
export interface KnownStore {
  readonly clientId: string;
  readonly host: string;
}

const EMBEDDED = '-store-embedded-';

export function storeClientId(site: string, engine: Config['search']['engine'], name: string): string {
  return `${site}-store-${engine}-${name}`;
}

/** Throws CONFIG_INVALID where one of the stores that share the queue's events has the embedded engine. */
export function assertOnlyStore(own: string, stores: readonly KnownStore[]): void {
  const others = stores.filter(({ clientId }) => clientId !== own);
  const isOwn = own.includes(EMBEDDED);
  const other = isOwn ? others[0] : others.find(({ clientId }) => clientId.includes(EMBEDDED));
  if (other === undefined) return;
  const whose = isOwn ? 'this store has' : 'that store has';
  throw new SpillwayError(
    'CONFIG_INVALID',
    `Another store (${other.clientId}, at ${other.host}) reads the events of this queue, and ${whose} the embedded search engine, which must have all of them. Stop the other one and wait a minute, or set search.engine to opensearch for both.`,
  );
}
