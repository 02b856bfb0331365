/** What is asked of one value, in SQL. Expressions may be NULL where the value is: NULL means no. */
import type { TextPattern, ValueAsk } from '../../query/analyse.ts';
import type { Binder } from './schema.ts';

/** A condition on an expression of that type; undefined where no value of the type can match. */
export interface ValueSql {
  readonly string?: (value: string) => string;
  readonly number?: (value: string) => string;
  readonly boolean?: (value: string) => string;
}

export function valueSql(ask: ValueAsk, binder: Binder): ValueSql {
  switch (ask.kind) {
    case 'equal': {
      const text = binder.bind('String', ask.text);
      const number = ask.number === undefined ? undefined : bindNumber(ask.number, binder);
      const boolean = ask.boolean === undefined ? undefined : binder.bind('Bool', ask.boolean);
      return {
        string: (value) => `${value} = ${text}`,
        ...(number === undefined ? {} : { number: (value: string) => `${value} = ${number}` }),
        ...(boolean === undefined ? {} : { boolean: (value: string) => `${value} = ${boolean}` }),
      };
    }
    case 'numbers':
      return { number: rangeSql(bound(ask.from, bindNumber, binder), bound(ask.to, bindNumber, binder)) };
    case 'texts':
      return { string: rangeSql(bound(ask.from, bindText, binder), bound(ask.to, bindText, binder)) };
    case 'pattern':
      return { string: patternSql(ask.pattern, binder) };
  }
}

/** As text: the driver refuses numbers past 2^53. */
function bindNumber(value: number, binder: Binder): string {
  return binder.bind('Float64', String(value));
}

function bindText(value: string, binder: Binder): string {
  return binder.bind('String', value);
}

interface SqlBound {
  readonly inclusive: boolean;
  readonly sql: string;
}

function bound<T>(
  written: { readonly value: T; readonly inclusive: boolean } | undefined,
  bind: (value: T, binder: Binder) => string,
  binder: Binder,
): SqlBound | undefined {
  return written === undefined ? undefined : { inclusive: written.inclusive, sql: bind(written.value, binder) };
}

/** Strings compare by their bytes, which in UTF-8 is the order of code points. */
function rangeSql(from: SqlBound | undefined, to: SqlBound | undefined): (value: string) => string {
  return (value) => {
    const sides: string[] = [];
    if (from !== undefined) sides.push(`${value} ${from.inclusive ? '>=' : '>'} ${from.sql}`);
    if (to !== undefined) sides.push(`${value} ${to.inclusive ? '<=' : '<'} ${to.sql}`);
    return sides.length === 1 ? (sides[0] ?? '') : `(${sides.join(' AND ')})`;
  };
}

function patternSql(pattern: TextPattern, binder: Binder): (value: string) => string {
  switch (pattern.kind) {
    case 'prefix': {
      const text = binder.bind('String', pattern.text);
      return (value) => `startsWith(${value}, ${text})`;
    }
    case 'suffix': {
      const text = binder.bind('String', pattern.text);
      return (value) => `endsWith(${value}, ${text})`;
    }
    case 'contains': {
      const text = binder.bind('String', pattern.text);
      return (value) => `position(${value}, ${text}) > 0`;
    }
    case 're2': {
      const source = binder.bind('String', `^(?:${pattern.source})$`);
      return (value) => `match(${value}, ${source})`;
    }
  }
}
