/**
 * Flat JSON lines have few shapes, as structured data has (sd-shapes.ts): the keys seen so far are a tree that is walked
 * along with the text. A shape remembers the layouts that the general parser (json-line.ts) gave to lines of it. A line
 * with anything nested, escaped, spaced, repeated or null has no shape, nor has one with two names for the same thing.
 */
import { PROCESS_LIMITS } from '../../lib/limits.ts';
import type { Draft } from '../draft.ts';
import { levelOfNumber, levelOfWord } from '../text/levels.ts';
import { isCanonicalNumber, storeNumber } from '../text/numbers.ts';
import type { TimeReader } from '../time/any.ts';
import { epochMs } from '../time/epoch.ts';
import { isPlausibleEpoch, type Role, roleOfName } from './json-roles.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const CLOSE = 0x7d;

export class JsonShape {
  readonly key: string;
  readonly role: Role | undefined;
  /** What the text has before the value: `{"key":` or `,"key":`. */
  readonly literal: string;
  /** What the payload has before the value, where it is payload. */
  readonly json: string;
  /** Keys and roles of the line up to this key. */
  readonly keys: ReadonlySet<string>;
  readonly roles: ReadonlySet<Role>;
  /** Layouts by how the times and numbers of a line were written. */
  readonly layouts = new Map<string, string>();
  readonly #next = new Map<string, JsonShape>();
  /** The shape that followed last time. */
  likely: JsonShape | undefined;

  constructor(key = '', parent?: JsonShape) {
    this.key = key;
    this.role = roleOfName(key);
    const payloadKeys = parent === undefined ? 0 : parent.keys.size - parent.roles.size;
    this.literal = `${parent?.keys.size === 0 ? '{' : ','}"${key}":`;
    this.json = `${payloadKeys === 0 ? '' : ','}"${key}":`;
    this.keys = new Set(parent === undefined ? [] : [...parent.keys, key]);
    this.roles = new Set([...(parent?.roles ?? []), ...(this.role === undefined ? [] : [this.role])]);
  }

  find(key: string): JsonShape | undefined {
    return this.#next.get(key);
  }

  /** The shape with one key more; undefined where lines with it have none. */
  add(key: string): JsonShape | undefined {
    const role = roleOfName(key);
    const isUnusual = key === '' || key.includes('.') || key.length > PROCESS_LIMITS.shapeKeyChars || role === 'tags';
    if (isUnusual || this.keys.has(key) || this.keys.size >= PROCESS_LIMITS.shapeMembers) return undefined;
    if (role !== undefined && this.roles.has(role)) return undefined;
    const next = new JsonShape(key, this);
    this.#next.set(key, next);
    return next;
  }
}

export class JsonShapes {
  readonly #times: TimeReader;
  #root = new JsonShape();
  #count = 0;
  /** How times and numbers were written in the line that was read last. */
  #forms = '';
  #payload = '';

  constructor(times: TimeReader) {
    this.#times = times;
  }

  /**
   * Reads the line into the draft, all but its layout, and gives its shape; undefined where it has none: then the draft
   * must be cleared.
   */
  read(draft: Draft): JsonShape | undefined {
    const { text } = draft;
    let shape = this.#root;
    let at = 0;
    this.#forms = '';
    this.#payload = '';
    for (;;) {
      const next = this.#step(shape, text, at);
      if (next === undefined) return undefined;
      shape = next;
      at += shape.literal.length;
      at = text.charCodeAt(at) === QUOTE ? this.#string(draft, shape, at) : this.#bare(draft, shape, at);
      const code = text.charCodeAt(at);
      if (code === CLOSE && at + 1 === text.length) break;
      if (code !== COMMA) return undefined;
    }
    draft.payload = this.#payload;
    draft.message ??= text;
    return shape;
  }

  /** The layout of a line of the shape, written as the one that was read last; undefined where it was not learnt. */
  layoutOf(shape: JsonShape): string | undefined {
    return shape.layouts.get(this.#forms);
  }

  learn(shape: JsonShape, layout: string): void {
    if (shape.layouts.size < PROCESS_LIMITS.shapeLayouts) shape.layouts.set(this.#forms, layout);
  }

  #step(shape: JsonShape, text: string, at: number): JsonShape | undefined {
    const { likely } = shape;
    if (likely !== undefined && text.startsWith(likely.literal, at)) return likely;
    if (text.charCodeAt(at + 1) !== QUOTE || (at === 0 && text[0] !== '{')) return undefined;
    const end = text.indexOf('"', at + 2);
    if (end < 0 || text[end + 1] !== ':') return undefined;
    const key = text.substring(at + 2, end);
    const next = shape.find(key) ?? this.#add(shape, key);
    if (next !== undefined) shape.likely = next;
    return next;
  }

  #add(shape: JsonShape, key: string): JsonShape | undefined {
    if (++this.#count > PROCESS_LIMITS.shapes) {
      this.#root = new JsonShape();
      this.#count = 0;
    }
    return shape.add(key);
  }

  /** Takes the string at `at`; the answer is the position after it, or -1 where the shape does not fit. */
  #string(draft: Draft, { role, json }: JsonShape, at: number): number {
    const { text } = draft;
    const end = text.indexOf('"', at + 1);
    if (end < 0) return -1;
    if (role === undefined) {
      this.#payload += json + text.substring(at, end + 1);
      return end + 1;
    }
    switch (role) {
      case 'time':
        return this.#time(draft, at + 1, end) ? end + 1 : -1;
      case 'level':
        takeLevel(draft, text.substring(at + 1, end));
        return end + 1;
      case 'tags':
        return -1;
      case 'type':
      case 'source':
        if (end === at + 1) return -1;
        draft[role] = text.substring(at + 1, end);
        return end + 1;
      default:
        draft[role] = text.substring(at + 1, end);
        return end + 1;
    }
  }

  #time(draft: Draft, start: number, end: number): boolean {
    const { iso } = this.#times;
    if (!iso.read(draft.text, start, draft.record.receivedMs)) return false;
    if (iso.end !== end || iso.form === undefined) return false;
    this.#setTime(draft, iso.ms, iso.subMs, iso.form);
    return true;
  }

  #setTime(draft: Draft, ms: number, subMs: string, form: string): void {
    draft.timestamp = ms;
    draft.hasTime = true;
    if (subMs !== '') draft.addMetadata('sub_ms', `"${subMs}"`);
    this.#forms += form;
  }

  /** Takes a number, true or false. */
  #bare(draft: Draft, shape: JsonShape, at: number): number {
    const { text } = draft;
    let end = at;
    let code = text.charCodeAt(end);
    while (code !== COMMA && code !== CLOSE && end < text.length) code = text.charCodeAt(++end);
    if (!isCanonicalNumber(text, at, end)) return this.#unusual(draft, shape, text.substring(at, end)) ? end : -1;
    const number = text.substring(at, end);
    if (shape.role === undefined) this.#payload += shape.json + number;
    else if (!this.#number(draft, shape, number)) return -1;
    return end;
  }

  #unusual(draft: Draft, shape: JsonShape, text: string): boolean {
    if (text === 'true' || text === 'false') {
      this.#payload += shape.json + text;
      return shape.role === undefined;
    }
    if (!/^-?(?:0|[1-9]\d*)\.\d+$/.test(text)) return false;
    if (shape.role !== undefined) return this.#number(draft, shape, text);
    const { json, changed, form } = storeNumber(text);
    this.#payload += shape.json + json;
    this.#forms += `,${shape.key}${form}`;
    return !changed && form !== undefined;
  }

  /** A number that is a time or a level. */
  #number(draft: Draft, { key, role }: JsonShape, text: string): boolean {
    if (role === 'level' && isCanonicalNumber(text, 0, text.length)) {
      draft.level = levelOfNumber(Number(text));
      draft.addMetadata('level', text);
      return true;
    }
    const time = role === 'time' && isPlausibleEpoch(key, text) ? epochMs(text) : undefined;
    if (time?.form === undefined) return false;
    this.#setTime(draft, time.ms, time.subMs, time.form);
    return true;
  }
}

function takeLevel(draft: Draft, word: string): void {
  draft.level = levelOfWord(word);
  if (draft.level !== word) draft.addMetadata('level', draft.quote(word));
}
