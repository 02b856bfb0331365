/**
 * Which typed fields a slice has, and how many a tenant may still bring. There are so many and no more of them, so in a
 * slice that tenants share each brings at most half as many as are left: one that sends thousands of names has a third of
 * them, and the others what is left. Fields that are there cost nobody anything. What a tenant may not bring
 * it may not bring later either: what it has brought only grows, and what is left only shrinks.
 */
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { OWN_COLUMNS } from './mapping.ts';
import type { TypedField } from './typed-fields.ts';

/** Paths of typed fields, by the tenant that brought them. */
export type Brought = Readonly<Record<string, readonly string[]>>;

/** Fields that tenants want a slice to have. */
export type Wanted = ReadonlyMap<string, ReadonlySet<TypedField>>;

export interface Grant {
  /** What the slice is to have of what is wanted, by path. */
  readonly fields: ReadonlyMap<string, TypedField>;
  /** Of these, what was not taken before. */
  readonly isMore: boolean;
  /** Tenants that do not get all. */
  readonly refused: readonly string[];
}

/** Fixed columns lie among the typed fields. */
const MOST = OPENSEARCH_LIMITS.typedFields + Object.keys(OWN_COLUMNS).length;

export class FieldBudget {
  /** One tenant's own slice is its own. */
  readonly #isShared: boolean;
  /** Fields that are there, or that somebody is about to make. */
  readonly #taken = new Set<string>();
  readonly #brought = new Map<string, Set<string>>();

  constructor(isShared: boolean) {
    this.#isShared = isShared;
  }

  get left(): number {
    return MOST - this.#taken.size;
  }

  get brought(): Brought {
    return Object.fromEntries(Array.from(this.#brought, ([tenant, paths]) => [tenant, [...paths]]));
  }

  copy(): FieldBudget {
    const copy = new FieldBudget(this.#isShared);
    copy.take(this.#taken);
    copy.add(this.brought);
    return copy;
  }

  /** These are there, whoever brought them. */
  take(paths: Iterable<string>): void {
    for (const path of paths) this.#taken.add(path);
  }

  /** What is noted elsewhere. */
  add(brought: Brought): void {
    for (const [tenant, paths] of Object.entries(brought)) for (const path of paths) this.#bring(tenant, path);
  }

  /** Whether the tenant cannot have this field there, now and later, unless somebody else brings it. */
  refuses(tenant: string, path: string): boolean {
    return !this.#taken.has(path) && !this.#mayBring(tenant);
  }

  /** Tenants that want few come first: who wants many does not take theirs. */
  grant(wanted: Wanted): Grant {
    const fields = new Map<string, TypedField>();
    const refused: string[] = [];
    let isMore = false;
    for (const [tenant, wants] of [...wanted].sort(([, a], [, b]) => a.size - b.size)) {
      let isRefused = false;
      for (const field of wants) {
        const { path } = field;
        if (this.refuses(tenant, path)) {
          isRefused = true;
          continue;
        }
        if (!this.#taken.has(path)) {
          this.#bring(tenant, path);
          isMore = true;
        }
        fields.set(path, field);
      }
      if (isRefused) refused.push(tenant);
    }
    return { fields, isMore, refused };
  }

  #mayBring(tenant: string): boolean {
    const { left } = this;
    if (!this.#isShared) return left > 0;
    return (this.#brought.get(tenant)?.size ?? 0) < left * OPENSEARCH_LIMITS.fieldsShare;
  }

  #bring(tenant: string, path: string): void {
    const brought = this.#brought.get(tenant) ?? new Set();
    this.#brought.set(tenant, brought.add(path));
    this.#taken.add(path);
  }
}
