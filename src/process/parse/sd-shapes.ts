/**
 * Structured data has few shapes: the same elements and parameters in the same order, line after line. The shapes seen
 * so far are a tree that is walked along with the text, so that a name is compared and not parsed, and its JSON and the
 * layout are there already. What is unusual (escapes, dots, repeated names) has no shape and is read by structured-data.ts.
 */
import { PROCESS_LIMITS } from '../../lib/limits.ts';
import type { Draft } from '../draft.ts';
import { elementToken, paramToken } from '../layout/line.ts';
import { isCanonicalNumber } from '../text/numbers.ts';
import { isParamName } from './structured-data.ts';

const SPACE = 0x20;
const OPEN = 0x5b;
const CLOSE = 0x5d;

class Shape {
  /** What the text has where this step begins, up to the value. */
  readonly literal: string;
  /** `,"name":`, or without the comma for the first parameter. */
  readonly json: string;
  readonly layout: string;
  readonly names: ReadonlySet<string>;
  readonly #next = new Map<string, Shape>();
  /** The step that followed last time. */
  likely: Shape | undefined;

  constructor(literal: string, json: string, layout: string, names: ReadonlySet<string>) {
    this.literal = literal;
    this.json = json;
    this.layout = layout;
    this.names = names;
  }

  get size(): number {
    return this.#next.size;
  }

  /** The step after this one with such a literal; undefined where it is not known. */
  follow(literal: string): Shape | undefined {
    const next = this.#next.get(literal);
    if (next !== undefined) this.likely = next;
    return next;
  }

  add(literal: string, json: string, layout: string, names: ReadonlySet<string>): Shape {
    const next = new Shape(literal, json, this.layout + layout, names);
    this.#next.set(literal, next);
    this.likely = next;
    return next;
  }
}

function emptyShape(): Shape {
  return new Shape('', '', ' ', new Set());
}

export class SdShapes {
  #root = emptyShape();
  #count = 0;
  /** The layout of what was read last. */
  layout = '';
  /** Where it ended. */
  end = 0;

  /** Reads the structured data at `at` into the draft's payload; false where it has no shape, nothing is changed then. */
  read(draft: Draft, at: number): boolean {
    const { text } = draft;
    let shape = this.#root;
    let payload = '';
    let next = at;
    while (text.charCodeAt(next) === OPEN) {
      const element = this.#element(shape, text, next);
      if (element === undefined) return false;
      shape = element;
      next += shape.literal.length;
      let code = text.charCodeAt(next);
      while (code === SPACE) {
        const param = this.#param(shape, text, next);
        if (param === undefined) return false;
        shape = param;
        const start = next + shape.literal.length;
        const end = text.indexOf('"', start);
        if (end < 0) return false;
        const isNumber = isCanonicalNumber(text, start, end);
        payload += shape.json + (isNumber ? text.substring(start, end) : text.substring(start - 1, end + 1));
        next = end + 1;
        code = text.charCodeAt(next);
      }
      if (code !== CLOSE) return false;
      next++;
      shape = shape.likely?.literal === ']' ? shape.likely : (shape.follow(']') ?? this.#add(shape, ']', '', ']'));
    }
    draft.payload = payload;
    this.layout = shape.layout;
    this.end = next;
    return true;
  }

  #element(shape: Shape, text: string, at: number): Shape | undefined {
    const { likely } = shape;
    if (likely !== undefined && text.startsWith(likely.literal, at)) {
      const code = text.charCodeAt(at + likely.literal.length);
      if (code === SPACE || code === CLOSE) return likely;
    }
    let end = at + 1;
    while (end < text.length && text.charCodeAt(end) !== SPACE && text.charCodeAt(end) !== CLOSE) end++;
    const literal = text.substring(at, end);
    const id = literal.slice(1);
    if (!isParamName(id)) return undefined;
    return shape.follow(literal) ?? this.#add(shape, literal, '', elementToken(id));
  }

  #param(shape: Shape, text: string, at: number): Shape | undefined {
    const { likely } = shape;
    if (likely !== undefined && text.startsWith(likely.literal, at)) return likely;
    const equals = text.indexOf('="', at);
    if (equals < 0) return undefined;
    const literal = text.substring(at, equals + 2);
    const name = literal.slice(1, -2);
    const known = shape.follow(literal);
    if (known !== undefined) return known;
    if (!isParamName(name) || name.includes('.') || shape.names.has(name)) return undefined;
    if (shape.names.size >= PROCESS_LIMITS.shapeMembers) return undefined;
    const comma = shape.names.size === 0 ? '' : ',';
    return this.#add(shape, literal, `${comma}"${name}":`, ` ${paramToken(name, false)}`, name);
  }

  #add(shape: Shape, literal: string, json: string, layout: string, name?: string): Shape {
    if (this.#count >= PROCESS_LIMITS.shapes) {
      this.#root = emptyShape();
      this.#count = 0;
    }
    this.#count++;
    return shape.add(literal, json, layout, name === undefined ? shape.names : new Set([...shape.names, name]));
  }
}
