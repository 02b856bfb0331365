/**
 * Which typed fields the slices of a question have. A field that an index does not have costs the engine a step for each
 * event that it counts, so a question asks for those alone that are there. Mappings are read once for each version that the
 * catalogue notes: a store notes another one before anybody can find an event with a field that was not there.
 */
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { Client } from './client.ts';
import { questionError } from './errors.ts';
import { namesForPaths, WHERE_THERE } from './index-names.ts';
import { FIELD } from './mapping.ts';
import { type TypedPaths, typedPathsOf } from './typed-fields.ts';

/** What is noted of an index about its fields (slice-catalogue.ts). */
export interface FieldsOf {
  readonly index: string;
  readonly fieldsVersion?: string;
  readonly isWhole?: boolean;
}

export interface SliceFields {
  /** Whether events may have values there; `v.number.p/status`. */
  has(field: string): boolean;
  /** Whether typed fields hold all values of all events, so that counting by one tells all. */
  readonly isWhole: boolean;
}

/** What is right for slices of which nothing is known. */
export const ANY_FIELDS: SliceFields = { has: () => true, isWhole: false };

export interface CallLimits {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

interface Kept {
  readonly version: string;
  readonly paths: TypedPaths;
}

export class MappedFields {
  readonly #client: Client;
  /** By index; those that were asked for last are the last. */
  readonly #kept = new Map<string, Kept>();

  constructor(client: Client) {
    this.#client = client;
  }

  async of(slices: readonly FieldsOf[], limits: CallLimits): Promise<SliceFields> {
    const isWhole = slices.every((slice) => slice.isWhole === true);
    if (slices.length > OPENSEARCH_LIMITS.mappingsKept) return { ...ANY_FIELDS, isWhole };
    const missing = slices.filter((slice) => this.#keptOf(slice) === undefined);
    const read = await this.#read(missing, limits);
    const paths = slices.map((slice) => this.#keptOf(slice)?.paths ?? read.get(slice.index));
    this.#keep(slices, read);
    const has = (field: string) => paths.some((one) => one === undefined || one.has(field.slice(BEFORE_PATH)));
    return { has, isWhole };
  }

  #keptOf({ index, fieldsVersion }: FieldsOf): Kept | undefined {
    const kept = this.#kept.get(index);
    return kept?.version === fieldsVersion ? kept : undefined;
  }

  /** An index that does not say what it has (it is not there yet, or closed) may have anything. */
  async #read(slices: readonly FieldsOf[], limits: CallLimits): Promise<ReadonlyMap<string, TypedPaths>> {
    const read = new Map<string, TypedPaths>();
    for (const names of namesForPaths(slices.map(({ index }) => index))) {
      const path = `${names}/_mapping?${PARAMETERS}`;
      const answer = await this.#client.call({ method: 'GET', path, ...limits });
      if (answer.status !== 200) throw questionError(answer);
      for (const [index, mapping] of Object.entries(Object(answer.body))) read.set(index, typedPathsOf(mapping));
    }
    return read;
  }

  #keep(slices: readonly FieldsOf[], read: ReadonlyMap<string, TypedPaths>): void {
    for (const slice of slices) {
      const { index, fieldsVersion } = slice;
      const paths = this.#keptOf(slice)?.paths ?? read.get(index);
      this.#kept.delete(index);
      if (fieldsVersion !== undefined && paths !== undefined) this.#kept.set(index, { version: fieldsVersion, paths });
    }
    for (const index of this.#kept.keys()) {
      if (this.#kept.size <= OPENSEARCH_LIMITS.mappingsKept) break;
      this.#kept.delete(index);
    }
  }
}

const BEFORE_PATH = `${FIELD.values}.`.length;
const PARAMETERS = `${WHERE_THERE}&filter_path=*.mappings.properties.${FIELD.values}`;

export function haveSameFields(slices: readonly FieldsOf[], others: readonly FieldsOf[]): boolean {
  return (
    slices.length === others.length &&
    slices.every(({ index, fieldsVersion, isWhole }, i) => {
      const other = others[i];
      return other?.index === index && other.fieldsVersion === fieldsVersion && other.isWhole === isWhole;
    })
  );
}
