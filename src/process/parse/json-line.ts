/**
 * A JSON line becomes an event by the names of its members: `message`, `timestamp`, `level`, `app`, `host`, `team` and
 * their aliases, `type`, `source`, `tags`, `metadata` and `payload` have their place, everything else is payload.
 */
import { EVENT_LIMITS } from '../../lib/limits.ts';
import type { Draft } from '../draft.ts';
import type { LayoutBook } from '../layout/book.ts';
import { encodeKey } from '../layout/key.ts';
import { TEXT_LAYOUT } from '../layout/rebuild.ts';
import { type JsonMember, type ReadJson, readJson } from '../normalise/json-reader.ts';
import { MemberTree } from '../normalise/member-tree.ts';
import { type Budget, Normaliser } from '../normalise/normalise.ts';
import type { TimeReader } from '../time/any.ts';
import { layOutFormed, layOutMember, layOutObject, layOutStyle } from './json-layout.ts';
import { CLAIM, type Claims, type Role, roleOfName } from './json-roles.ts';
import { JsonShapes } from './json-shapes.ts';

export class JsonLineParser {
  readonly #times: TimeReader;
  readonly #book: LayoutBook;
  readonly #shapes: JsonShapes;

  constructor(times: TimeReader, book: LayoutBook) {
    this.#times = times;
    this.#book = book;
    this.#shapes = new JsonShapes(times);
  }

  /** Whether the record is a JSON object; the draft is filled in then, and not touched otherwise. */
  parse(draft: Draft): boolean {
    const shape = draft.plain ? this.#shapes.read(draft) : undefined;
    if (shape !== undefined) {
      draft.layout = this.#shapes.layoutOf(shape);
      if (draft.layout !== undefined) return true;
    }
    draft.clear();
    if (!this.parseAny(draft)) return false;
    if (shape !== undefined && draft.layout !== undefined) this.#shapes.learn(shape, draft.layout);
    return true;
  }

  /** The same for any line, and slower. */
  parseAny(draft: Draft): boolean {
    const read = readJson(draft.text);
    if (read?.root.kind !== 'object') return false;
    const layout = new Line(draft, read, this.#times).layOut(read.root.members);
    if (layout !== undefined) draft.layout = this.#book.give(layout, draft.record.receivedMs);
    return true;
  }
}

/** One line while it is laid out. */
class Line {
  readonly #draft: Draft;
  readonly #read: ReadJson;
  readonly #payload = new MemberTree();
  readonly #metadata = new MemberTree();
  readonly #budget: Budget = { members: EVENT_LIMITS.members };
  readonly #normaliser: Normaliser;
  readonly #metadataNormaliser: Normaliser;
  readonly #payloadKeys = new Set<string>();
  readonly #claims: Claims;
  #rebuilds = true;

  constructor(draft: Draft, read: ReadJson, times: TimeReader) {
    const { text } = draft;
    this.#draft = draft;
    this.#read = read;
    this.#normaliser = new Normaliser(text, this.#budget);
    this.#metadataNormaliser = new Normaliser(text, this.#budget);
    const keys = new Set(read.root.kind === 'object' ? read.root.members.map(({ key }) => key) : []);
    this.#claims = { text, times, keys, metadata: this.#metadata, taken: new Set<Role>() };
  }

  layOut(members: readonly JsonMember[]): string | undefined {
    const last = this.#normaliser.lastOfEach(members);
    // What the metadata says itself comes last, since `host` and its like have a better place in the line.
    const ordered = last.toSorted((a, b) => Number(isMetadata(a)) - Number(isMetadata(b)));
    const tokens = new Map(ordered.map((member) => [member, this.#member(member)] as const));
    this.#finish(members);
    const { style } = this.#read;
    if (this.#draft.message === this.#draft.text) return TEXT_LAYOUT;
    if (style === undefined || last.length < members.length || this.#lost()) return undefined;
    const layout = [layOutStyle(style), ...members.map((member) => tokens.get(member))];
    return layout.includes(undefined) ? undefined : layout.join(' ');
  }

  #lost(): boolean {
    const { moved, truncated } = this.#normaliser;
    return (
      !this.#rebuilds || moved || truncated || this.#metadataNormaliser.moved || this.#metadataNormaliser.truncated
    );
  }

  /** Puts a member in its place; the answer is its part of the layout. */
  #member(member: JsonMember): string | undefined {
    const { key, node } = member;
    if (node.kind === 'object' && node.members.length > 0) {
      if (key === 'metadata') return this.#metadataObject(node.members);
      if (key === 'payload') return this.#payloadObject(node.members);
    }
    const role = roleOfName(key);
    const claimed = role === undefined ? undefined : CLAIM[role](this.#draft, key, node, this.#claims);
    if (role !== undefined && claimed !== undefined) {
      this.#claims.taken.add(role);
      return layOutFormed(key, claimed.form);
    }
    this.#payloadKeys.add(key);
    this.#normaliser.place(key, node, this.#payload, 1);
    return layOutMember(this.#draft.text, key, node);
  }

  #payloadObject(members: readonly JsonMember[]): string | undefined {
    this.#payloadKeys.add('payload');
    for (const { key, node } of this.#normaliser.lastOfEach(members))
      this.#normaliser.place(key, node, this.#payload, 1);
    return layOutObject(this.#draft.text, `${encodeKey('payload')}:P{`, members);
  }

  #metadataObject(members: readonly JsonMember[]): string | undefined {
    for (const { key, node } of this.#metadataNormaliser.lastOfEach(members)) {
      // The level's given word has its place here too.
      if (key === 'level' && this.#claims.taken.has('level')) this.#rebuilds = false;
      if (key !== 'app' && key !== 'host' && key !== 'team') {
        this.#metadataNormaliser.place(key, node, this.#metadata, 1);
      } else if (node.kind === 'string' && this.#draft[key] === undefined) {
        this.#draft[key] = node.value.toWellFormed();
      } else {
        this.#metadataNormaliser.place(`${key}_`, node, this.#metadata, 1);
        this.#rebuilds = false;
      }
    }
    return layOutObject(this.#draft.text, 'metadata:M{', members);
  }

  #finish(members: readonly JsonMember[]): void {
    const draft = this.#draft;
    draft.message ??= draft.text;
    if (this.#payload.prune()) this.#normaliser.changed = true;
    this.#metadata.prune();
    draft.payload = this.#payload.print();
    draft.metadata = this.#metadata.print();
    const { changed, truncated } = this.#normaliser;
    if (changed && !truncated && this.#read.deepest <= EVENT_LIMITS.exactDepth)
      draft.exact = `{${this.#sent(members)}}`;
  }

  /** The JSON text of the payload's members as they were sent. */
  #sent(members: readonly JsonMember[]): string {
    return members
      .filter(({ key }) => this.#payloadKeys.has(key))
      .flatMap((member) => (member.key === 'payload' && member.node.kind === 'object' ? member.node.members : [member]))
      .map(({ start, node }) => this.#draft.text.substring(start, node.end))
      .join(',');
  }
}

function isMetadata(member: JsonMember): boolean {
  return member.key === 'metadata';
}
