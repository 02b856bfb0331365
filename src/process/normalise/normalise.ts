/**
 * Makes of JSON as it was sent what every engine accepts (event/event.ts): no duplicates, null, {} or [], no dots in
 * keys, arrays of one kind, numbers that a double holds, and bounds on depth, members and keys. It says what changed.
 */
import { EVENT_LIMITS } from '../../lib/limits.ts';
import { quote } from '../text/json-text.ts';
import { storeNumber } from '../text/numbers.ts';
import type { JsonMember, JsonNode } from './json-reader.ts';
import { MemberTree, pathOf } from './member-tree.ts';

type Kind = 'string' | 'number' | 'boolean' | 'object';

interface Item {
  readonly kind: Kind;
  readonly json: string;
}

/** What an event may still have; payload and metadata share it. */
export interface Budget {
  members: number;
}

export class Normaliser {
  readonly #text: string;
  readonly #budget: Budget;
  /** Whether a value is another one than was sent, or stands under another key. */
  changed = false;
  /** Whether a value stands elsewhere than its key says, dots being levels. */
  moved = false;
  /** Whether there were more members than an event may have. */
  truncated = false;

  constructor(text: string, budget: Budget = { members: EVENT_LIMITS.members }) {
    this.#text = text;
    this.#budget = budget;
  }

  /**
   * Puts a member into a tree that stands `depth` levels deep (1: payload or metadata itself). Of a repeated key the
   * caller passes the last one only.
   */
  place(key: string, node: JsonNode, into: MemberTree, depth: number): void {
    if (--this.#budget.members < 0) {
      this.truncated = true;
      return;
    }
    const path = this.#pathOf(key, depth);
    if (node.kind === 'object') {
      this.#placeObject(path, node, into, depth + path.length);
      return;
    }
    const json = this.#leaf(node, depth + path.length);
    if (json === undefined) this.changed = true;
    else this.#placeJson(path, json, into);
  }

  #placeJson(path: readonly string[], json: string, into: MemberTree): void {
    if (into.place(path, json)) return;
    this.changed = true;
    this.moved = true;
  }

  #pathOf(key: string, depth: number): readonly string[] {
    const { path, exact } = pathOf(key);
    if (path.length === 1 && exact) return path;
    this.changed = true;
    const room = EVENT_LIMITS.depth - depth;
    const fits = path.length - 1 <= room;
    if (!exact || !fits) this.moved = true;
    return fits ? path : [...path.slice(0, room), path.slice(room).join('_')];
  }

  #placeObject(path: readonly string[], node: JsonNode, into: MemberTree, depth: number): void {
    if (node.kind !== 'object' || node.members.length === 0) {
      this.changed = true;
      return;
    }
    if (depth > EVENT_LIMITS.depth) {
      this.#placeJson(path, this.#asText(node), into);
      return;
    }
    let tree = into.open(path);
    if (tree === undefined) {
      tree = into.openRenamed(path);
      this.changed = true;
      this.moved = true;
    }
    for (const member of this.lastOfEach(node.members)) this.place(member.key, member.node, tree, depth);
  }

  /** The JSON of a value that is not an object; undefined where nothing is left of it. */
  #leaf(node: JsonNode, depth: number): string | undefined {
    switch (node.kind) {
      case 'string':
        if (!node.value.isWellFormed()) this.changed = true;
        return quote(node.value);
      case 'number': {
        const { json, changed } = storeNumber(this.#text.substring(node.start, node.end));
        if (changed) this.changed = true;
        return json;
      }
      case 'literal':
        return node.value === null ? undefined : String(node.value);
      case 'array':
        return depth > EVENT_LIMITS.depth ? this.#asText(node) : this.#array(node, depth);
      default:
        return this.#asText(node);
    }
  }

  #array(node: JsonNode, depth: number): string | undefined {
    const items: Item[] = [];
    let sent = 0;
    for (const item of node.kind === 'array' ? node.items : []) {
      sent++;
      const kept = this.#item(item, depth + 1);
      if (kept !== undefined) items.push(kept);
    }
    if (items.length < sent) this.changed = true;
    const first = items[0];
    if (first === undefined) return undefined;
    if (items.every(({ kind }) => kind === first.kind)) return `[${items.map(({ json }) => json).join(',')}]`;
    this.changed = true;
    return `[${items.map(({ kind, json }) => (kind === 'string' ? json : quote(json))).join(',')}]`;
  }

  #item(node: JsonNode, depth: number): Item | undefined {
    switch (node.kind) {
      case 'object':
        return this.#objectItem(node, node.members, depth);
      case 'array':
        if (node.items.length === 0) return undefined;
        return { kind: 'string', json: this.#asText(node) };
      case 'deep':
        return { kind: 'string', json: this.#asText(node) };
      case 'literal':
        return node.value === null ? undefined : { kind: 'boolean', json: String(node.value) };
      default: {
        const json = this.#leaf(node, depth) ?? '""';
        return { kind: json.startsWith('"') ? 'string' : 'number', json };
      }
    }
  }

  #objectItem(node: JsonNode, members: readonly JsonMember[], depth: number): Item | undefined {
    if (members.length === 0) return undefined;
    if (depth > EVENT_LIMITS.depth) return { kind: 'string', json: this.#asText(node) };
    const tree = new MemberTree();
    for (const member of this.lastOfEach(members)) this.place(member.key, member.node, tree, depth);
    if (tree.prune()) this.changed = true;
    return tree.isEmpty ? undefined : { kind: 'object', json: `{${tree.print()}}` };
  }

  /** Of members with the same key the last one counts, as everywhere in JavaScript. */
  lastOfEach(members: readonly JsonMember[]): readonly JsonMember[] {
    const last = new Map<string, JsonMember>();
    for (const member of members) last.set(member.key, member);
    if (last.size === members.length) return members;
    this.changed = true;
    return [...last.values()];
  }

  /** What an event cannot hold as it is becomes the text that was sent. */
  #asText(node: JsonNode): string {
    this.changed = true;
    return quote(this.#text.substring(node.start, node.end));
  }
}
