/** What people are told about runs. */
import { OPERATION_KINDS } from './mood.ts';
import type { Sum } from './pool.ts';
import type { RunResult } from './run.ts';

export function describeSum(sum: Readonly<Sum>, seconds: number): string {
  const rows = OPERATION_KINDS.map((kind) => {
    const { operations, before, after, errors } = sum.boundaries[kind];
    return row(kind, operations, before, after, errors);
  });
  return [
    `${sum.seeds} seeds in ${seconds.toFixed(1)} s: ${sum.lives} lives, ${sum.crashes} power cuts, ` +
      `${sum.operations} operations of the disk, ${sum.records} records, ${sum.damages} damaged segments`,
    row('operation', 'count', 'cut before', 'cut after', 'failed'),
    ...rows,
  ].join('\n');
}

function row(name: string, ...columns: readonly (string | number)[]): string {
  return name.padEnd(14) + columns.map((column) => String(column).padStart(12)).join('');
}

export function describeFailure({ seed, failure }: RunResult): string {
  if (failure === undefined) return `seed ${seed}: nothing is wrong`;
  return [
    `seed ${seed} breaks a promise in life ${failure.life}: ${failure.message}`,
    `its mood: ${failure.mood}`,
    'the last of what happened:',
    ...failure.last.map((line) => `  ${line}`),
    `to see all of it: npm run simulate -- --seed ${seed}`,
  ].join('\n');
}
