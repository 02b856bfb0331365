/** What is asked of one value, in SQL. Expressions may be NULL where the value is: NULL means no. */
import type { TextPattern, ValueAsk } from '../../query/analyse.ts';
import type { Binder } from './schema.ts';

/** `outer`: how many lambdas an expression stands in; their variables are x1, x2 and so on. */
export interface ValueTest {
  one(value: string, outer: number): string;
  /** Whether some element of an array passes; never NULL. */
  some(array: string, outer: number): string;
}

/** A test for each type of value; none where no value of the type can pass. */
export interface ValueTests {
  readonly string?: ValueTest;
  readonly number?: ValueTest;
  readonly boolean?: ValueTest;
}

export function valueTests(ask: ValueAsk, binder: Binder): ValueTests {
  switch (ask.kind) {
    case 'equal':
      return {
        string: equals('String', ask.texts, binder),
        ...(ask.numbers.length === 0 ? {} : { number: equals('Float64', ask.numbers.map(String), binder) }),
        ...(ask.booleans.length === 0 ? {} : { boolean: equals('Bool', ask.booleans.map(String), binder) }),
      };
    case 'numbers':
      return {
        number: eachValue(rangeSql(bindBound(ask.from, 'Float64', binder), bindBound(ask.to, 'Float64', binder))),
      };
    case 'texts':
      return {
        string: eachValue(rangeSql(bindBound(ask.from, 'String', binder), bindBound(ask.to, 'String', binder))),
      };
    case 'pattern':
      return { string: eachValue(patternSql(ask.pattern, binder)) };
  }
}

/** An array passes where one of its elements does. */
export function eachValue(one: (value: string, outer: number) => string): ValueTest {
  return {
    one,
    some: (array, outer) => {
      const variable = `x${outer + 1}`;
      return `arrayExists(${variable} -> ifNull(${one(variable, outer + 1)}, 0), ${array})`;
    },
  };
}

/** Values are bound as texts: as numbers the driver refuses some. */
function equals(type: 'String' | 'Float64' | 'Bool', values: readonly string[], binder: Binder): ValueTest {
  const bound = values.map((value) => binder.bind(type, value));
  const [only] = bound;
  if (bound.length === 1 && only !== undefined) {
    return { one: (value) => `${value} = ${only}`, some: (array) => `has(${array}, ${only})` };
  }
  const list = bound.join(', ');
  return { one: (value) => `${value} IN (${list})`, some: (array) => `hasAny(${array}, [${list}])` };
}

interface SqlBound {
  readonly inclusive: boolean;
  readonly sql: string;
}

function bindBound(
  bound: { readonly value: string | number; readonly inclusive: boolean } | undefined,
  type: 'String' | 'Float64',
  binder: Binder,
): SqlBound | undefined {
  return bound === undefined ? undefined : { inclusive: bound.inclusive, sql: binder.bind(type, String(bound.value)) };
}

/** Strings compare by their bytes, which in UTF-8 is the order of code points. */
function rangeSql(from: SqlBound | undefined, to: SqlBound | undefined): (value: string) => string {
  return (value) => {
    const sides: string[] = [];
    if (from !== undefined) sides.push(`${value} ${from.inclusive ? '>=' : '>'} ${from.sql}`);
    if (to !== undefined) sides.push(`${value} ${to.inclusive ? '<=' : '<'} ${to.sql}`);
    return `(${sides.join(' AND ')})`;
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
