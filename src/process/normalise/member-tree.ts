/**
 * The members of `payload` or `metadata` while they are collected: a tree without dots in its keys, without duplicates
 * and without names that mean something to JavaScript objects. Leaves are JSON text.
 */
import { EVENT_LIMITS } from '../../lib/limits.ts';
import { quote } from '../text/json-text.ts';

export class MemberTree {
  readonly #members = new Map<string, string | MemberTree>();
  #renamed = 1;

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  has(key: string): boolean {
    return this.#members.has(key);
  }

  /**
   * Puts a leaf where the path says. Where something else is in the way it gets the first free of `a_b`, `a_b_2`, …:
   * then the answer is false.
   */
  place(path: readonly string[], json: string): boolean {
    const parent = this.#walk(path.slice(0, -1));
    const key = path.at(-1) ?? '_';
    if (parent !== undefined && !parent.#members.has(key)) {
      parent.#members.set(key, json);
      return true;
    }
    this.#members.set(this.#freeName(path), json);
    return false;
  }

  /** The subtree at the path, made where it is not there; undefined where a leaf is in the way. */
  open(path: readonly string[]): MemberTree | undefined {
    return this.#walk(path);
  }

  /** A new subtree under the first free of `a_b`, `a_b_2`, …. */
  openRenamed(path: readonly string[]): MemberTree {
    const tree = new MemberTree();
    this.#members.set(this.#freeName(path), tree);
    return tree;
  }

  /** Removes subtrees without members; the answer is whether there were any. */
  prune(): boolean {
    let pruned = false;
    for (const [key, value] of this.#members) {
      if (typeof value === 'string') continue;
      if (value.prune()) pruned = true;
      if (value.isEmpty) {
        this.#members.delete(key);
        pruned = true;
      }
    }
    return pruned;
  }

  /** `"a":1,"b":{…}`: without the outer braces. */
  print(): string {
    let json = '';
    for (const [key, value] of this.#members) {
      if (json !== '') json += ',';
      json += `${quote(key)}:${typeof value === 'string' ? value : `{${value.print()}}`}`;
    }
    return json;
  }

  #walk(path: readonly string[]): MemberTree | undefined {
    let tree: MemberTree = this;
    for (const key of path) {
      let next = tree.#members.get(key);
      if (typeof next === 'string') return undefined;
      if (next === undefined) {
        next = new MemberTree();
        tree.#members.set(key, next);
      }
      tree = next;
    }
    return tree;
  }

  /** The counter goes on from name to name, so that very many clashes cost no more than each of them. */
  #freeName(path: readonly string[]): string {
    const key = path.join('_');
    let name = key;
    while (this.#members.has(name)) name = `${key}_${++this.#renamed}`;
    return name;
  }
}

/** The path of a key as it was sent: dots nest, empty parts go, what is too long is cut. `exact`: nothing but dots. */
export function pathOf(key: string): { readonly path: readonly string[]; readonly exact: boolean } {
  if (!key.includes('.') && key !== '' && key.length * 3 <= EVENT_LIMITS.keyBytes) {
    const wellFormed = key.isWellFormed();
    return { path: [wellFormed ? key : key.toWellFormed()], exact: wellFormed };
  }
  const parts = key.split('.');
  const path = parts.filter((part) => part !== '').map(cutKey);
  const exact = path.length === parts.length && path.every((part, i) => part === parts[i]);
  return { path: path.length === 0 ? ['_'] : path, exact };
}

function cutKey(key: string): string {
  const bytes = Buffer.from(key);
  if (bytes.length <= EVENT_LIMITS.keyBytes) return key.toWellFormed();
  let end: number = EVENT_LIMITS.keyBytes;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
