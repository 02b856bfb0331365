/** The policy of slices in a cluster: a document that its stores share, and another with what each of them measured. */
import { POLICY_LIMITS } from '../../lib/limits.ts';
import { type Decision, SlicePolicy } from '../policy/slice-policy.ts';
import { addVolumes, type MeasuredVolume, type Volume, Volumes } from '../policy/volumes.ts';
import type { PolicyLog } from '../port.ts';
import type { Client } from './client.ts';
import { ClusterDocument, type SharedIndexOptions } from './cluster-document.ts';

interface Shared {
  readonly decisions: readonly Decision[];
}

/** By store. */
interface Measured {
  readonly stores: Readonly<Record<string, { readonly atMs: number; readonly volumes: readonly MeasuredVolume[] }>>;
}

export class ClusterPolicy implements PolicyLog {
  readonly #decisions: ClusterDocument<Shared>;
  readonly #measured: ClusterDocument<Measured>;
  readonly #store: string;
  readonly #now: () => number;
  #current = SlicePolicy.EMPTY;

  /** `store` names this one among those of the cluster. */
  constructor(client: Client, index: SharedIndexOptions, store: string, now: () => number) {
    this.#decisions = new ClusterDocument(client, index, 'policy');
    this.#measured = new ClusterDocument(client, index, 'volumes');
    this.#store = store;
    this.#now = now;
  }

  get current(): SlicePolicy {
    return this.#current;
  }

  async refresh(): Promise<void> {
    const { decisions } = this.#current;
    while (await this.#decisions.refresh()) {
      const shared = this.#decisions.value;
      if (shared !== undefined || decisions.length === 0) {
        this.#current = new SlicePolicy(shared?.decisions ?? []);
        return;
      }
      // Somebody has removed it: what it said holds, or events would go where nobody looks for them.
      if (await this.#decisions.replace({ decisions })) return;
    }
  }

  async append(decisions: readonly Decision[]): Promise<boolean> {
    const next = this.#current.with(decisions);
    if (await this.#decisions.replace({ decisions: next.decisions })) {
      this.#current = next;
      return true;
    }
    await this.refresh();
    return false;
  }

  async shareVolumes(own: ReadonlyMap<string, Volume>): Promise<ReadonlyMap<string, Volume>> {
    const nowMs = this.#now();
    const volumes = largest(own, nowMs);
    for (let attempt = 1; ; attempt++) {
      await this.#measured.refresh();
      const known = Object.entries(this.#measured.value?.stores ?? {});
      const others = known.filter(
        ([store, { atMs }]) => store !== this.#store && atMs > nowMs - POLICY_LIMITS.volumesMs,
      );
      const sums = () => addVolumes([own, ...others.map(([, other]) => new Volumes(other.volumes).at(nowMs))]);
      if (volumes.length === 0 && others.length === known.length) return sums();
      const stores = Object.fromEntries([...others, [this.#store, { atMs: nowMs, volumes }]]);
      const written = await this.#measured.replace({ stores });
      // What this store measured is not needed by others so much that it would be worth a quarrel.
      if (written || attempt >= POLICY_LIMITS.shareAttempts) return sums();
    }
  }
}

/** Those that may matter: a smaller one earns nothing, however many stores there are. */
function largest(own: ReadonlyMap<string, Volume>, nowMs: number): readonly MeasuredVolume[] {
  const { sharedEvents, sharedBytes, sharedTenants } = POLICY_LIMITS;
  return [...own]
    .filter(([, { events, bytes }]) => events >= sharedEvents || bytes >= sharedBytes)
    .sort(([, a], [, b]) => b.bytes - a.bytes)
    .slice(0, sharedTenants)
    .map(([tenant, { events, bytes }]) => [tenant, Math.round(events), Math.round(bytes), nowMs]);
}
