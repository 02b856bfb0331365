/**
 * The order of values that are equally frequent, the same in every engine: else two answers to one question differ, and a
 * limit cuts other values away. Booleans, numbers, texts (by code points), and at last the events that have none.
 */
import { compareText } from '../query/value.ts';
import type { ValueCount } from './port.ts';

export type Value = ValueCount['value'] | null;

export function compareValues(a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return rank(a) - rank(b) || compareText(String(a), String(b));
}

function rank(value: Value): number {
  return value === null ? 3 : typeof value === 'boolean' ? 0 : typeof value === 'number' ? 1 : 2;
}

export function compareRows(a: readonly Value[], b: readonly Value[]): number {
  for (const [i, value] of a.entries()) {
    const order = compareValues(value, b[i] ?? null);
    if (order !== 0) return order;
  }
  return 0;
}
