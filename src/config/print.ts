import { stringify } from 'yaml';
import type { LoadedConfig } from './load.ts';

/**
 * The configuration that holds, as a YAML file that would give the same, each option with a comment that says where it
 * comes from. Secrets are shown as the reference that was written, and not where they were written themselves (hidden.ts).
 */
export function printConfig(loaded: LoadedConfig): string {
  const lines: string[] = [];
  const options = [...loaded.written].map(([path, { value, where }]) => ({ path: path.split('.'), value, where }));
  printLevel(options, 0, lines);
  const width = Math.min(60, Math.max(...lines.map((line) => (line.split('\t')[0] ?? '').length))) + 2;
  return `${lines.map((line) => align(line, width)).join('\n')}\n`;
}

interface Option {
  readonly path: readonly string[];
  readonly value: unknown;
  readonly where: string;
}

function printLevel(options: readonly Option[], depth: number, lines: string[]): void {
  const groups = Map.groupBy(options, (option) => option.path[depth] ?? '');
  for (const [name, members] of groups) {
    const indent = '  '.repeat(depth);
    const isEntry = /^\d+$/.test(name);
    const [only] = members;
    if (only !== undefined && members.length === 1 && only.path.length === depth + 1) {
      const value = stringify(only.value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
      lines.push(`${indent}${isEntry ? '-' : `${name}:`} ${value}\t# ${only.where}`);
    } else {
      lines.push(`${indent}${isEntry ? '-' : `${name}:`}`);
      printLevel(members, depth + 1, lines);
    }
  }
}

function align(line: string, width: number): string {
  const [option = '', comment] = line.split('\t');
  return comment === undefined ? option : `${`${option}  `.padEnd(width)}${comment}`;
}
