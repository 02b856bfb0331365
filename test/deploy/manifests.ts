/** What deploy/ has, as plain values. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

export const ROOT = join(import.meta.dirname, '../..');
export const KUBERNETES = join(ROOT, 'deploy/kubernetes');

export type Value = Readonly<Record<string, unknown>>;

/** Every document of the file; throws what is wrong with it, a key that is there twice too. */
export function documents(file: string): Value[] {
  const parsed = parseAllDocuments(readFileSync(file, 'utf8'), { merge: true, uniqueKeys: true, strict: true });
  return [...parsed].map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw problem;
    return document.toJS() as Value;
  });
}

export interface Manifest {
  readonly file: string;
  readonly value: Value;
}

export const manifests: readonly Manifest[] = readdirSync(KUBERNETES)
  .filter((name) => name.endsWith('.yaml') && name !== 'spillway.yaml')
  .flatMap((file) => documents(join(KUBERNETES, file)).map((value) => ({ file, value })));

/** A member at a path; undefined where there is none. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((found, name) => Object(found)[name], value);
}

export function list(value: unknown, ...path: readonly (string | number)[]): readonly Value[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}
