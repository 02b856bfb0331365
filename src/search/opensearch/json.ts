/** Members of what the engine answers, whose type is not known. */
import { SpillwayError } from '../../lib/errors.ts';

export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[name];
  }
  return found;
}

export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

export function numberAt(value: unknown, ...path: readonly string[]): number {
  const found = at(value, ...path);
  if (typeof found === 'number') return found;
  throw unexpected(`a number at ${path.join('.')}`, found);
}

export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  if (Array.isArray(found)) return found;
  throw unexpected(`a list at ${path.join('.')}`, found);
}

export function objectAt(value: unknown, ...path: readonly string[]): Readonly<Record<string, unknown>> {
  const found = at(value, ...path);
  if (typeof found === 'object' && found !== null && !Array.isArray(found)) return { ...found };
  throw unexpected(`an object at ${path.join('.')}`, found);
}

function unexpected(what: string, found: unknown): SpillwayError {
  const text = (JSON.stringify(found) ?? 'nothing').slice(0, 200);
  return new SpillwayError('INTERNAL', `OpenSearch answered ${text} where ${what} was asked.`);
}
