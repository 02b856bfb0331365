/**
 * Which types have ever been stored at which path of `metadata` and `payload`: a superset, known before a row of a new
 * type is visible. Conditions and groups then read only columns that exist. Of paths beyond a limit nothing is known, so
 * a tenant that invents keys slows its own questions and not those about the paths that were there before.
 */
import { STORE_LIMITS } from '../lib/limits.ts';
import type { FieldRef } from '../query/ast.ts';
import type { JsonType } from './clickhouse/schema.ts';

export type PathType = readonly [root: 'metadata' | 'payload', type: JsonType, path: string];

export class PathTypes {
  readonly #types = new Map<string, Set<JsonType>>();
  #isFull = false;

  /** Those that are not known yet; of paths beyond the limit none. */
  unknown(seen: Iterable<PathType>): PathType[] {
    const found: PathType[] = [];
    for (const pathType of seen) {
      const [root, type, path] = pathType;
      const known = this.#types.get(`${root}.${path}`);
      if (known === undefined ? !this.#isFull : !known.has(type)) found.push(pathType);
    }
    return found;
  }

  add(seen: Iterable<PathType>): void {
    for (const [root, type, path] of seen) {
      const key = `${root}.${path}`;
      const known = this.#types.get(key);
      if (known !== undefined) known.add(type);
      else if (this.#types.size < STORE_LIMITS.knownPaths) this.#types.set(key, new Set([type]));
      else this.#isFull = true;
    }
  }

  /** Whether there are paths that are not known: more than the limit have been seen. */
  get isFull(): boolean {
    return this.#isFull;
  }

  markFull(): void {
    this.#isFull = true;
  }

  /** Undefined where it is not known. */
  at(field: Exclude<FieldRef, { root: 'own' }>): ReadonlySet<JsonType> | undefined {
    return this.#types.get(`${field.root}.${field.path.join('.')}`) ?? (this.#isFull ? undefined : NONE);
  }

  *all(): Generator<PathType> {
    for (const [key, types] of this.#types) {
      const root = key.startsWith('metadata.') ? 'metadata' : 'payload';
      for (const type of types) yield [root, type, key.slice(root.length + 1)];
    }
  }
}

const NONE: ReadonlySet<JsonType> = new Set();
