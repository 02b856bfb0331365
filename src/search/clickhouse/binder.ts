/**
 * Values of a statement, bound on the engine's side: the text of the statement has placeholders only.
 *
 * The values go with `SET param_p0 = '…', …;` in front of the statement, on a session that runs one statement at a time.
 * (chdb's own queryBindAsync sends them as call arguments, but lets only one such query run at a time in the whole
 * process, so that one slow question would hold up all others.)
 */
import type { Binder, BoundScalar } from './schema.ts';

export type Setting = string | number;

/** Text within single quotes. */
export function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\0': '\\0',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** As the engine reads the value of a String placeholder. */
function escaped(text: string): string {
  return text.replace(/[\\\0\b\f\n\r\t]/g, (character) => ESCAPES[character] ?? character);
}

export function settingTexts(settings: Readonly<Record<string, Setting>>): string[] {
  return Object.entries(settings).map(
    ([name, value]) => `${name} = ${typeof value === 'number' ? value : quoted(value)}`,
  );
}

export class SqlBinder implements Binder {
  readonly #values: string[] = [];

  bind(type: string, value: BoundScalar | readonly (string | number | bigint)[]): string {
    const index = this.#values.length;
    this.#values.push(encode(type, value));
    return `{p${index}:${type}}`;
  }

  /** The statement that brings the values and settings of the next one. */
  assignments(settings: Readonly<Record<string, Setting>> = {}): string {
    const values = this.#values.map((value, i) => `param_p${i} = ${quoted(value)}`);
    const all = [...values, ...settingTexts(settings)];
    return all.length === 0 ? '' : `SET ${all.join(', ')};`;
  }
}

function encode(type: string, value: BoundScalar | readonly (string | number | bigint)[]): string {
  if (typeof value === 'object') {
    const elements = value.map((element) => (typeof element === 'string' ? quoted(element) : String(element)));
    return `[${elements.join(',')}]`;
  }
  return type === 'String' ? escaped(String(value)) : String(value);
}
