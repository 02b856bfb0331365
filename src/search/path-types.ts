/**
 * Which types have ever been stored at which path of `metadata` and `payload`: a superset, known before a row of a new
 * type is visible. Conditions and groups then read only columns that exist. Beyond a limit of paths nothing is known.
 */
import { STORE_LIMITS } from '../lib/limits.ts';
import type { FieldRef } from '../query/ast.ts';
import type { JsonType } from './clickhouse/schema.ts';

export type PathType = readonly [root: 'metadata' | 'payload', type: JsonType, path: string];

export class PathTypes {
  readonly #types = new Map<string, Set<JsonType>>();
  #overflowed = false;

  /** Those that are not known yet. */
  unknown(seen: Iterable<PathType>): PathType[] {
    if (this.#overflowed) return [];
    const found: PathType[] = [];
    for (const pathType of seen) {
      const [root, type, path] = pathType;
      if (this.#types.get(`${root}.${path}`)?.has(type) !== true) found.push(pathType);
    }
    return found;
  }

  add(seen: Iterable<PathType>): void {
    for (const [root, type, path] of seen) {
      if (this.#overflowed) return;
      const key = `${root}.${path}`;
      const known = this.#types.get(key);
      if (known !== undefined) known.add(type);
      else if (this.#types.size < STORE_LIMITS.knownPaths) this.#types.set(key, new Set([type]));
      else this.forget();
    }
  }

  /** From now on nothing is known. */
  forget(): void {
    this.#overflowed = true;
    this.#types.clear();
  }

  get isForgotten(): boolean {
    return this.#overflowed;
  }

  /** Undefined where it is not known. */
  at(field: Exclude<FieldRef, { root: 'own' }>): ReadonlySet<JsonType> | undefined {
    if (this.#overflowed) return undefined;
    return this.#types.get(`${field.root}.${field.path.join('.')}`) ?? NONE;
  }

  *all(): Generator<PathType> {
    for (const [key, types] of this.#types) {
      const root = key.startsWith('metadata.') ? 'metadata' : 'payload';
      for (const type of types) yield [root, type, key.slice(root.length + 1)];
    }
  }
}

const NONE: ReadonlySet<JsonType> = new Set();
