/** The indices of slices: made before they are written, with typed fields for new paths while tenants may bring them. */
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { ownerOf, type SliceKey } from '../slices.ts';
import { ask, failed } from './ask.ts';
import type { Client } from './client.ts';
import { problemOf } from './errors.ts';
import type { Wanted } from './field-budget.ts';
import { FieldShares, uuidOf } from './field-shares.ts';
import { namesForPaths } from './index-names.ts';
import { at } from './json.ts';
import { makeIndex } from './make-index.ts';
import {
  aliasesOf,
  FIELD,
  finalPipeline,
  type IndexOptions,
  sliceContents,
  strangeField,
  VALUE_MAPPINGS,
  type ValueType,
} from './mapping.ts';
import { type TypedField, type TypedPaths, typedPathsOf } from './typed-fields.ts';

/** A slice that is about to be written. */
export interface SliceToWrite {
  readonly index: string;
  readonly slice: SliceKey;
  /** Where it is not there, it is made as this tier wants it. */
  readonly tier: string;
}

export interface GoneIndex {
  readonly index: string;
  /** What it was noted as. */
  readonly uuid: string | undefined;
  /** What never was there, or was to go, is not lost. */
  readonly isLost: boolean;
}

export class SliceIndices {
  readonly #client: Client;
  readonly #options: IndexOptions;
  readonly #log: Logger;
  readonly #shares: FieldShares;
  readonly #known = new Map<string, Set<string>>();
  /** Indices that were there once, each with what no other of its name is called. */
  readonly #seen = new Map<string, string>();
  /** By index, the typed fields that readers can know of. */
  readonly #noted = new Map<string, TypedPaths>();
  /** Indices that were given fields, which nobody else knows yet. */
  readonly #grown = new Set<string>();
  /** Indices that were made here, which nobody else knows yet. */
  readonly #made = new Set<string>();
  /** By index, fields that it cannot get: full, or mapped to something else by somebody. Their values are searched as terms. */
  readonly #unmappable = new Map<string, Set<string>>();

  constructor(client: Client, options: IndexOptions, log: Logger) {
    this.#client = client;
    this.#options = options;
    this.#log = log;
    this.#shares = new FieldShares(client, options, log);
  }

  /** Whether it is known, without asking, that the index has no such field and that the tenant gets none. */
  lacks(index: string, tenant: string, field: TypedField): boolean {
    const known = this.#known.get(index);
    if (known === undefined || known.has(field.path)) return false;
    return this.#shares.refuses(index, tenant, field) || this.#unmappable.get(index)?.has(field.path) === true;
  }

  /** Makes the index where it is not there, and fields for what is new, as far as tenants may bring them. */
  async prepare(slice: SliceToWrite, wanted: Wanted): Promise<TypedPaths> {
    const { index } = slice;
    const known = this.#known.get(index) ?? (await this.#create(slice));
    this.#known.set(index, known);
    const missing = this.#missing(index, known, wanted);
    if (missing.size === 0) return known;
    const granted = await this.#shares.bring(index, missing).catch((thrown: unknown) => {
      this.forget(index);
      throw thrown;
    });
    if (granted.size > 0) await this.#map(slice, known, granted);
    return known;
  }

  /** What of it the index may get yet. */
  #missing(index: string, known: TypedPaths, wanted: Wanted): Wanted {
    const unmappable = this.#unmappable.get(index);
    const missing = new Map<string, Set<TypedField>>();
    for (const [tenant, fields] of wanted) {
      for (const field of fields) {
        if (known.has(field.path) || unmappable?.has(field.path) === true) continue;
        const some = missing.get(tenant) ?? new Set();
        missing.set(tenant, some.add(field));
      }
    }
    return missing;
  }

  /** Of these, the indices that somebody has given a pipeline since they were prepared; by each, what is wrong with that. */
  async piped(indices: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    for (const names of namesForPaths([...new Set(indices)])) {
      const path = `${names}/_settings/index.final_pipeline?ignore_unavailable=true`;
      const { body } = await ask(this.#client, { method: 'GET', path });
      for (const [index, has] of Object.entries(Object(body))) {
        const pipeline = finalPipeline(at(has, 'settings'));
        if (pipeline !== undefined) found.set(index, piped(index, pipeline));
      }
    }
    return found;
  }

  /** What readers have to know of an index that was prepared. */
  changes(index: string): { readonly uuid: string; readonly isNew: boolean; readonly hasGrown: boolean } {
    const noted = this.#noted.get(index);
    const known = this.#known.get(index) ?? new Set();
    // Fields that were there already may be of a store that ended before it noted them.
    const hasGrown = this.#grown.has(index) || noted === undefined || !known.isSubsetOf(noted);
    return { uuid: this.#seen.get(index) ?? '', isNew: this.#made.has(index), hasGrown };
  }

  /** They can know it. */
  noted(index: string): void {
    this.#made.delete(index);
    this.#grown.delete(index);
    this.#noted.set(index, new Set(this.#known.get(index)));
  }

  /** This is what others know the index of this name by, if they do: where that is not this one, it is looked at again. */
  expect(index: string, uuid: string | undefined): void {
    if (uuid !== this.#seen.get(index)) this.forget(index);
  }

  /** It may be gone: it is looked at again. */
  forget(index: string): void {
    this.#known.delete(index);
  }

  /** It is gone because it was to go; `uuid` is what it was noted as. */
  async drop(index: string, uuid: string | undefined): Promise<void> {
    this.forget(index);
    this.#seen.delete(index);
    this.#made.delete(index);
    this.#grown.delete(index);
    this.#noted.delete(index);
    this.#unmappable.delete(index);
    await this.#shares.drop(index, uuid);
  }

  /** They are gone although nothing of ours removed them. What fails is said, and the others do not wait for it. */
  async gone(removed: readonly GoneIndex[]): Promise<void> {
    for (const { index, isLost } of removed) {
      if (isLost) this.#log.error({ index }, `There is no index ${index} any more: ${REMOVED}`);
    }
    for (const { index, uuid } of removed) {
      await this.drop(index, uuid).catch((thrown: unknown) => {
        const message = `What is noted about the fields of ${index} cannot be removed; it is not used any more`;
        this.#log.warn({ index, reason: messageOf(thrown) }, message);
      });
    }
  }

  /** Nothing is remembered of others. */
  retain(present: ReadonlySet<string>): void {
    for (const kept of [this.#known, this.#seen, this.#noted, this.#grown, this.#made, this.#unmappable]) {
      for (const index of kept.keys()) if (!present.has(index)) kept.delete(index);
    }
    this.#shares.retain(present);
  }

  async #create(slice: SliceToWrite): Promise<Set<string>> {
    const { index, tier } = slice;
    const body = sliceContents(this.#options, index, tier);
    // It is there also where no node has its shards yet; what is written then says so.
    const waitMs = OPENSEARCH_LIMITS.shardWaitMs;
    const isNew = await makeIndex(this.#client, { index, what: 'The slice', body, waitMs });
    if (isNew && this.#seen.has(index)) {
      this.#log.error({ index }, `The index ${index} is made again for events to come: ${REMOVED}`);
    }
    if (isNew) this.#made.add(index);
    this.#unmappable.delete(index);
    return this.#read(slice);
  }

  /** Its typed fields that are what they have to be. What somebody else made is not written to, or answers would be wrong. */
  async #read({ index, slice }: SliceToWrite): Promise<Set<string>> {
    const { body } = await ask(this.#client, { method: 'GET', path: index });
    const strange = strangeField(at(body, index, 'mappings', 'properties'));
    if (strange !== undefined) {
      throw new SpillwayError(
        'UNAVAILABLE',
        `The index ${index} is not one that Spillway made: its field ${strange} is another. Remove that index, or rename it; events wait meanwhile.`,
      );
    }
    const pipeline = finalPipeline(at(body, index, 'settings'));
    if (pipeline !== undefined)
      throw new SpillwayError('UNAVAILABLE', `${piped(index, pipeline)}; events wait meanwhile.`);
    await this.#mendAliases(index, at(body, index, 'aliases'));
    const [paths, uuid] = [typedPathsOf(at(body, index)), uuidOf(index, body)];
    // Of another one readers know nothing, even if they did of one of its name: it may be out of the list of slices.
    if (this.#seen.get(index) !== uuid) this.#noted.delete(index);
    this.#seen.set(index, uuid);
    await this.#shares.found({ index, uuid, isShared: ownerOf(slice) === undefined, paths });
    return paths;
  }

  /**
   * Nothing is written to an index without its own alias: somebody has removed it, or a snapshot came back without. One of
   * an older Spillway does not say yet that it is the one to write.
   */
  async #mendAliases(index: string, present: unknown): Promise<void> {
    const wanted = Object.entries(aliasesOf(this.#options.prefix, index));
    const missing = wanted.flatMap(([alias]) => (at(present, alias) === undefined ? [alias] : []));
    const wrong = wanted.filter(([alias, { is_write_index: writes }]) => {
      return missing.includes(alias) || (writes === true && at(present, alias, 'is_write_index') !== true);
    });
    if (wrong.length === 0) return;
    const actions = wrong.map(([alias, is]) => ({ add: { index, alias, ...is } }));
    await ask(this.#client, { method: 'POST', path: '_aliases', body: { actions } });
    if (missing.length === 0) return;
    this.#log.warn({ index, missing }, `The index ${index} had lost ${missing.join(' and ')}: it has that again`);
  }

  async #map(slice: SliceToWrite, known: Set<string>, wanted: ReadonlyMap<string, TypedField>): Promise<void> {
    const { index } = slice;
    const types: Partial<Record<ValueType, { readonly properties: Record<string, unknown> }>> = {};
    for (const { type, name } of wanted.values()) {
      types[type] ??= { properties: {} };
      types[type].properties[name] = VALUE_MAPPINGS[type];
    }
    const body = { properties: { [FIELD.values]: { properties: types } } };
    const answer = await this.#client.call({ method: 'PUT', path: `${index}/_mapping`, body });
    if (answer.status === 200) {
      this.#grown.add(index);
      for (const field of wanted.keys()) known.add(field);
      return;
    }
    if (answer.status === 404) this.forget(index);
    const { reason } = problemOf(answer);
    if (answer.status === 400 && /cannot be changed|different type|conflict/i.test(reason)) {
      return this.#mapEach(slice, known, wanted, reason);
    }
    if (!/total fields/i.test(reason)) throw failed(`The mapping of ${index} cannot grow`, answer);
    // Other stores have filled it: what is there counts, the rest has no field of its own, and is not asked for again.
    for (const field of await this.#read(slice)) known.add(field);
    const unmappable = this.#unmappableOf(index);
    for (const field of wanted.keys()) if (!known.has(field)) unmappable.add(field);
  }

  #unmappableOf(index: string): Set<string> {
    const known = this.#unmappable.get(index) ?? new Set();
    this.#unmappable.set(index, known);
    return known;
  }

  /** One of them cannot be: the others are not to wait for it. */
  async #mapEach(
    slice: SliceToWrite,
    known: Set<string>,
    wanted: ReadonlyMap<string, TypedField>,
    reason: string,
  ): Promise<void> {
    const [one] = wanted;
    if (one === undefined) return;
    if (wanted.size > 1) {
      for (const entry of wanted) await this.#map(slice, known, new Map([entry]));
      return;
    }
    const { index } = slice;
    const [field] = one;
    this.#unmappableOf(index).add(field);
    this.#log.error({ index, field, reason }, `Somebody has mapped ${field} of ${index} to something else: ${reason}`);
  }
}

function piped(index: string, pipeline: string): string {
  const mend = `PUT /${index}/_settings {"index.final_pipeline": null}, and look at index templates`;
  return `The index ${index} has a final_pipeline, ${pipeline}, which changes events or drops them: ${mend}`;
}

const REMOVED =
  'it was removed by somebody. The events that were in it are not found; they can be read from the queue or the archive';
