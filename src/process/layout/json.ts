/**
 * Layouts of JSON lines: the style (`k` a space after colons, `c` after commas, `u` everything but ASCII escaped), then
 * the members in order, each `key`, `key:form` or `key{ … }`. Without a form it is a member of the payload as it is.
 * Forms: `m` the message, `l` the level, `h a e` host, app and team, `d` a member of the metadata, `y` the type, `o` the
 * source, `g` the tags (`g1`: written as one string), a time (time-form.ts), `#2` a number with two decimals, `r` a
 * number that is kept as its text, `n` null, `eo` and `ea` an empty object and array; `M{` and `P{` go into the
 * metadata and the payload. Such as `J _time:I3Z _msg:m host:h status duration_ms:#1`.
 */
import type { JsonObject, JsonValue, StoredEvent } from '../../event/event.ts';
import { quoteAscii } from '../normalise/json-reader.ts';
import { decodeKey, pathOfKey } from './key.ts';
import { valueAt } from './line.ts';
import { printTime } from './time-form.ts';

/** The line without its first `J`, or undefined where the event does not have what the layout needs. */
export function rebuildJson(event: StoredEvent, layout: string): string | undefined {
  const [style = '', ...tokens] = layout.split(' ');
  return new JsonRebuilder(event, style, tokens).rebuild();
}

class JsonRebuilder {
  readonly #event: StoredEvent;
  readonly #tokens: readonly string[];
  readonly #colon: string;
  readonly #comma: string;
  readonly #quote: (text: string) => string;
  #at = 0;
  #failed = false;

  constructor(event: StoredEvent, style: string, tokens: readonly string[]) {
    this.#event = event;
    this.#tokens = tokens;
    this.#colon = style.includes('k') ? ': ' : ':';
    this.#comma = style.includes('c') ? ', ' : ',';
    this.#quote = style.includes('u') ? quoteAscii : JSON.stringify;
  }

  rebuild(): string | undefined {
    const text = this.#object(this.#event.payload, []);
    return this.#failed ? undefined : text;
  }

  #object(root: JsonObject, path: readonly string[]): string {
    const members: string[] = [];
    while (this.#at < this.#tokens.length && this.#tokens[this.#at] !== '}') {
      members.push(this.#member(this.#tokens[this.#at++] ?? '', root, path));
    }
    this.#at++;
    return `{${members.join(this.#comma)}}`;
  }

  #member(token: string, root: JsonObject, path: readonly string[]): string {
    const opens = token.endsWith('{');
    const plain = opens ? token.slice(0, -1) : token;
    // Keys are encoded and have no colon; the offset of a time has one.
    const colon = plain.indexOf(':');
    const encoded = colon < 0 ? plain : plain.slice(0, colon);
    const form = colon < 0 ? '' : plain.slice(colon + 1);
    const key = decodeKey(encoded);
    const value = opens ? this.#nested(key, form, root, path) : this.#value(key, form, root, path);
    if (value === undefined) this.#failed = true;
    return `${this.#quote(key)}${this.#colon}${value}`;
  }

  #nested(key: string, form: string, root: JsonObject, path: readonly string[]): string {
    if (form === 'M') return this.#object(this.#event.metadata, []);
    if (form === 'P') return this.#object(this.#event.payload, []);
    return this.#object(root, [...path, ...pathOfKey(key)]);
  }

  #value(key: string, form: string, root: JsonObject, path: readonly string[]): string | undefined {
    const { metadata, message, type, source, level, tags } = this.#event;
    switch (form) {
      case '':
        return this.#print(valueAt(root, [...path, ...pathOfKey(key)]));
      case 'm':
        return this.#print(message);
      case 'l':
        return this.#print(metadata.level ?? level);
      case 'h':
        return this.#print(metadata.host);
      case 'a':
        return this.#print(metadata.app);
      case 'e':
        return this.#print(metadata.team);
      case 'd':
        return this.#print(valueAt(metadata, [key]));
      case 'y':
        return this.#print(type);
      case 'o':
        return this.#print(source);
      case 'g':
        return this.#print(tags === undefined ? [] : [...tags]);
      case 'g1':
        return this.#print(tags?.[0]);
      case 'n':
        return 'null';
      case 'eo':
        return '{}';
      case 'ea':
        return '[]';
      default:
        return this.#formed(form, valueAt(root, [...path, ...pathOfKey(key)]));
    }
  }

  /** A number written in a way of its own, or a time. */
  #formed(form: string, value: JsonValue | undefined): string | undefined {
    if (form === 'r') return typeof value === 'string' ? value : undefined;
    if (form.startsWith('#')) return typeof value === 'number' ? value.toFixed(Number(form.slice(1))) : undefined;
    const { timestamp, metadata } = this.#event;
    const time = printTime(timestamp, typeof metadata.sub_ms === 'string' ? metadata.sub_ms : '', form);
    return time === undefined || form.startsWith('E') || form.startsWith('F') ? time : this.#quote(time);
  }

  #print(value: JsonValue | undefined): string | undefined {
    if (typeof value === 'string') return this.#quote(value);
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (!Array.isArray(value)) return undefined;
    const items = value.map((item) => this.#print(item));
    return items.includes(undefined) ? undefined : `[${items.join(this.#comma)}]`;
  }
}
