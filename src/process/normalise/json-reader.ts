/**
 * A strict JSON parser (RFC 8259) that keeps what JSON.parse forgets: the order and repetition of keys, how numbers
 * and strings were written, and where each value stands in the text. It goes no deeper than asked.
 */
import { EVENT_LIMITS } from '../../lib/limits.ts';
import { isPlain } from '../text/json-text.ts';

interface Place {
  /** The value is `text.substring(start, end)`. */
  readonly start: number;
  readonly end: number;
}

export interface JsonMember {
  readonly key: string;
  /** Where the member begins, at its key. */
  readonly start: number;
  readonly node: JsonNode;
}

export type JsonNode = Place &
  (
    | { readonly kind: 'string'; readonly value: string }
    | { readonly kind: 'number' }
    | { readonly kind: 'literal'; readonly value: boolean | null }
    | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
    | { readonly kind: 'object'; readonly members: readonly JsonMember[] }
    /** An array or object below the depth that was asked for, unread. */
    | { readonly kind: 'deep' }
  );

/** How strings and separators were written, where all of the text was written alike. */
export interface JsonStyle {
  readonly colonSpaced: boolean;
  readonly commaSpaced: boolean;
  /** Everything outside ASCII is escaped, as Python does. */
  readonly ascii: boolean;
}

export interface ReadJson {
  readonly root: JsonNode;
  /** Undefined where the text was not written in one of the styles known here. */
  readonly style: JsonStyle | undefined;
  /** Levels of arrays and objects. */
  readonly deepest: number;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const CONTROL = /[\u0000-\u001f]/;
const NOT_PRINTABLE = /[^ -~]/g;

/** Undefined where the text is not JSON. `depth`: levels of arrays and objects that are read. */
export function readJson(text: string, depth: number = EVENT_LIMITS.depth + 1): ReadJson | undefined {
  const reader = new JsonReader(text, depth);
  try {
    return reader.read();
  } catch (thrown) {
    if (thrown instanceof NotJson || thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

/** As Python's json.dumps writes a string. */
export function quoteAscii(text: string): string {
  return JSON.stringify(text).replace(
    NOT_PRINTABLE,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

class NotJson extends Error {}

class JsonReader {
  readonly #text: string;
  readonly #depth: number;
  readonly #plain: boolean;
  #at = 0;
  #skipped = false;
  #deepest = 0;
  #uniform = true;
  #colonSpaced: boolean | undefined;
  #commaSpaced: boolean | undefined;
  #canonical = true;
  #ascii = true;

  constructor(text: string, depth: number) {
    this.#text = text;
    this.#depth = depth;
    this.#plain = isPlain(text);
  }

  read(): ReadJson {
    if (this.#space() > 0) this.#uniform = false;
    const root = this.#value(1);
    if (this.#space() > 0) this.#uniform = false;
    if (this.#at !== this.#text.length) throw new NotJson();
    if (this.#skipped) JSON.parse(this.#text);
    return { root, style: this.#style(), deepest: this.#deepest };
  }

  #style(): JsonStyle | undefined {
    if (!this.#uniform || !(this.#canonical || this.#ascii)) return undefined;
    const ascii = !this.#canonical;
    return { colonSpaced: this.#colonSpaced ?? false, commaSpaced: this.#commaSpaced ?? false, ascii };
  }

  #value(depth: number): JsonNode {
    const start = this.#at;
    switch (this.#text.charCodeAt(start)) {
      case 0x22: {
        const value = this.#string();
        return { kind: 'string', value, start, end: this.#at };
      }
      case 0x7b:
        return depth > this.#depth ? this.#skip(depth) : this.#object(depth);
      case 0x5b:
        return depth > this.#depth ? this.#skip(depth) : this.#array(depth);
      case 0x74:
        return this.#literal('true', true);
      case 0x66:
        return this.#literal('false', false);
      case 0x6e:
        return this.#literal('null', null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonNode {
    if (depth > this.#deepest) this.#deepest = depth;
    const start = this.#at++;
    const members: JsonMember[] = [];
    if (this.#space() > 0) this.#uniform = false;
    if (this.#text.charCodeAt(this.#at) !== 0x7d) {
      do {
        const memberStart = this.#at;
        if (this.#text.charCodeAt(memberStart) !== 0x22) throw new NotJson();
        const key = this.#string();
        this.#colon();
        members.push({ key, start: memberStart, node: this.#value(depth + 1) });
      } while (this.#comma(0x7d));
    } else this.#at++;
    return { kind: 'object', members, start, end: this.#at };
  }

  #array(depth: number): JsonNode {
    if (depth > this.#deepest) this.#deepest = depth;
    const start = this.#at++;
    const items: JsonNode[] = [];
    if (this.#space() > 0) this.#uniform = false;
    if (this.#text.charCodeAt(this.#at) !== 0x5d) {
      do items.push(this.#value(depth + 1));
      while (this.#comma(0x5d));
    } else this.#at++;
    return { kind: 'array', items, start, end: this.#at };
  }

  #colon(): void {
    if (this.#space() > 0) this.#uniform = false;
    if (this.#text.charCodeAt(this.#at++) !== 0x3a) throw new NotJson();
    const spaced = this.#separatorSpace();
    if (this.#colonSpaced === undefined) this.#colonSpaced = spaced;
    else if (this.#colonSpaced !== spaced) this.#uniform = false;
  }

  /** True after a comma, false after the closing bracket. */
  #comma(close: number): boolean {
    if (this.#space() > 0) this.#uniform = false;
    const code = this.#text.charCodeAt(this.#at++);
    if (code === close) return false;
    if (code !== 0x2c) throw new NotJson();
    const spaced = this.#separatorSpace();
    if (this.#commaSpaced === undefined) this.#commaSpaced = spaced;
    else if (this.#commaSpaced !== spaced) this.#uniform = false;
    return true;
  }

  #separatorSpace(): boolean {
    const first = this.#text.charCodeAt(this.#at);
    const count = this.#space();
    if (count > 1 || (count === 1 && first !== 0x20)) this.#uniform = false;
    return count > 0;
  }

  #space(): number {
    const from = this.#at;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return this.#at - from;
      this.#at++;
    }
  }

  #string(): string {
    const start = this.#at;
    const text = this.#text;
    let end = text.indexOf('"', start + 1);
    if (end < 0) throw new NotJson();
    this.#at = end + 1;
    if (this.#plain) return text.substring(start + 1, end);
    const backslash = text.indexOf('\\', start + 1);
    if (backslash < 0 || backslash > end) return this.#unescaped(text.substring(start + 1, end));
    for (let at = backslash; ; at++) {
      const code = text.charCodeAt(at);
      if (Number.isNaN(code)) throw new NotJson();
      if (code === 0x5c) at++;
      else if (code === 0x22) {
        end = at;
        break;
      }
    }
    this.#at = end + 1;
    const written = text.substring(start, end + 1);
    const value: string = JSON.parse(written);
    if (!value.isWellFormed()) this.#uniform = false;
    if (this.#canonical && JSON.stringify(value) !== written) this.#canonical = false;
    if (this.#ascii && quoteAscii(value) !== written) this.#ascii = false;
    return value;
  }

  #unescaped(value: string): string {
    if (CONTROL.test(value)) throw new NotJson();
    if (this.#ascii && value.search(NOT_PRINTABLE) >= 0) this.#ascii = false;
    return value;
  }

  #number(): JsonNode {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw new NotJson();
    const start = this.#at;
    this.#at += match[0].length;
    return { kind: 'number', start, end: this.#at };
  }

  #literal(word: string, value: boolean | null): JsonNode {
    const start = this.#at;
    if (!this.#text.startsWith(word, start)) throw new NotJson();
    this.#at += word.length;
    return { kind: 'literal', value, start, end: this.#at };
  }

  /** Goes past an array or object without reading it: JSON.parse, which has no recursion to exhaust, checks it. */
  #skip(depth: number): JsonNode {
    const start = this.#at;
    const text = this.#text;
    this.#skipped = true;
    this.#uniform = false;
    let open = 0;
    do {
      const code = text.charCodeAt(this.#at);
      if (Number.isNaN(code)) throw new NotJson();
      if (code === 0x22) {
        this.#string();
        continue;
      }
      if (code === 0x7b || code === 0x5b) {
        open++;
        if (depth + open - 1 > this.#deepest) this.#deepest = depth + open - 1;
      } else if (code === 0x7d || code === 0x5d) open--;
      this.#at++;
    } while (open > 0);
    return { kind: 'deep', start, end: this.#at };
  }
}
