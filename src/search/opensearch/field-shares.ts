/**
 * Who brought which typed fields to the slices that tenants share (field-budget.ts says what each may). It is noted in a
 * document for each slice that all stores of the cluster share, before the index is given the field: so stores that do it
 * at once never pass the cap together, and none of them, nor a restart, forgets what a tenant has had.
 */
import { SpillwayError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { ask } from './ask.ts';
import type { Client } from './client.ts';
import { ClusterDocument, type SharedIndexOptions } from './cluster-document.ts';
import { type Brought, FieldBudget, type Grant, type Wanted } from './field-budget.ts';
import { textAt } from './json.ts';
import type { TypedField, TypedPaths } from './typed-fields.ts';

interface Noted {
  /** The index that it is about, as no other of its name is called: one that is made again begins anew. */
  readonly of: string;
  readonly brought: Brought;
}

/** An index as it was found. */
export interface FoundIndex {
  readonly index: string;
  readonly uuid: string;
  readonly isShared: boolean;
  /** Typed fields that it has. */
  readonly paths: TypedPaths;
}

interface Kept {
  readonly index: string;
  readonly uuid: string;
  /** Of a slice that one tenant has alone there is nothing to note. */
  readonly document: ClusterDocument<Noted> | undefined;
  budget: FieldBudget;
  /** Tenants of which it was said that they do not get all that they want. */
  readonly warned: Set<string>;
  isSaidFull: boolean;
}

export class FieldShares {
  readonly #client: Client;
  readonly #options: SharedIndexOptions;
  readonly #log: Logger;
  readonly #kept = new Map<string, Kept>();

  constructor(client: Client, options: SharedIndexOptions, log: Logger) {
    this.#client = client;
    this.#options = options;
    this.#log = log;
  }

  /** Has to be said of an index before anything else is asked about it. */
  async found({ index, uuid, isShared, paths }: FoundIndex): Promise<void> {
    let kept = this.#kept.get(index);
    if (kept?.uuid !== uuid) {
      kept = {
        ...{ index, uuid, budget: new FieldBudget(isShared), warned: new Set(), isSaidFull: false },
        document: isShared ? new ClusterDocument(this.#client, this.#options, documentOf(index)) : undefined,
      };
      await this.#read(kept);
      this.#kept.set(index, kept);
    }
    kept.budget.take(paths);
  }

  /** Whether it is known, without asking, that the tenant does not get this field there. */
  refuses(index: string, tenant: string, { path }: TypedField): boolean {
    return this.#kept.get(index)?.budget.refuses(tenant, path) === true;
  }

  /** What the index is to have of what tenants want, by path: it is noted when it resolves. */
  async bring(index: string, wanted: Wanted): Promise<ReadonlyMap<string, TypedField>> {
    const kept = this.#kept.get(index);
    if (kept === undefined) throw new TypeError(`${index} was not looked at`);
    for (;;) {
      const budget = kept.budget.copy();
      const granted = budget.grant(wanted);
      if (!granted.isMore || (await this.#note(kept, budget))) {
        kept.budget = budget;
        this.#say(kept, granted);
        return granted.fields;
      }
      await this.#read(kept);
    }
  }

  /** The index is gone; one of its name that another store has made meanwhile is another. */
  async drop(index: string): Promise<void> {
    const uuid = this.#kept.get(index)?.uuid;
    this.#kept.delete(index);
    const document = new ClusterDocument<Noted>(this.#client, this.#options, documentOf(index));
    await document.refresh();
    if (uuid === undefined || uuid === document.value?.of) await document.remove();
  }

  async #note({ document, uuid }: Kept, { brought }: FieldBudget): Promise<boolean> {
    return document === undefined || document.replace({ of: uuid, brought });
  }

  /** What others noted; what is known here is kept, or the next to note something would forget it. */
  async #read({ index, uuid, document, budget }: Kept): Promise<void> {
    if (document === undefined || !(await document.refresh())) return;
    const noted = document.value;
    if (noted?.of === uuid) budget.add(noted.brought);
    // It is about an index that is no more, or about one that has taken the place of ours.
    else if (noted !== undefined) await this.#assertThere(index, uuid);
  }

  async #assertThere(index: string, uuid: string): Promise<void> {
    if (uuid === uuidOf(index, (await ask(this.#client, { method: 'GET', path: `${index}/_settings` })).body)) return;
    this.#kept.delete(index);
    const message = `Somebody removed the index ${index}, and another store has made it again: it is looked at again.`;
    throw new SpillwayError('UNAVAILABLE', message);
  }

  /** Once for each tenant; once for all where nothing is left. */
  #say(kept: Kept, { refused }: Grant): void {
    const { index, budget, warned } = kept;
    if (refused.length === 0) return;
    if (budget.left === 0) {
      if (!kept.isSaidFull) this.#log.warn({ index }, `No typed fields are left in ${index}: ${WHAT_NOW}`);
      kept.isSaidFull = true;
      return;
    }
    for (const tenant of refused) {
      if (warned.has(tenant)) continue;
      warned.add(tenant);
      const fields = budget.brought[tenant]?.length;
      const message = `The tenant ${tenant} has brought its share of typed fields to ${index}: ${WHAT_NOW}. In slices of its own it has all of them`;
      this.#log.warn({ index, tenant, fields }, message);
    }
  }
}

const WHAT_NOW = 'further ones are searched, not counted';

function documentOf(index: string): string {
  return `fields-${index}`;
}

/** Of an index, as the engine answers about it. */
export function uuidOf(index: string, answer: unknown): string {
  return textAt(answer, index, 'settings', 'index', 'uuid') ?? '';
}
