/**
 * Which cluster is meant. Behind a name there may be brokers of another one while this process runs, with topics of the
 * same names: what is asked by name, as appends and groups are, would be answered there without an error. So every
 * connection says whose it is before it is used.
 */
import type { BrokerAddress } from './options.ts';
import { printAddress } from './options.ts';

export class ClusterIdentity {
  #id: string | undefined;
  #isPinned = false;

  /** Throws AnotherCluster. The first one that answers is meant, as long as nothing else is known. */
  assertSame(id: string | null | undefined, address: BrokerAddress): void {
    if (id === null || id === undefined) return;
    this.#id ??= id;
    if (id !== this.#id) throw new AnotherCluster(address, id, this.#id);
  }

  /** What was looked for is on this one: no other is meant from now on. */
  pin(): void {
    this.#isPinned = this.#id !== undefined;
  }

  /** Another one may answer the next time, unless it is pinned. */
  forget(): void {
    if (!this.#isPinned) this.#id = undefined;
  }
}

export const ANOTHER_CLUSTER = 'ANOTHER_CLUSTER';

export class AnotherCluster extends Error {
  readonly code = ANOTHER_CLUSTER;

  constructor(address: BrokerAddress, found: string, meant: string) {
    super(`under ${printAddress(address)} another cluster answers, ${found}; the queue is on the cluster ${meant}`);
  }
}
