/** Makes docs/benchmarks.md from bench/results: `node tools/node24.mjs bench/report.ts`. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BenchResult, type Measured, ROOT } from './harness.ts';

/** What run.ts keeps of a full run. */
export interface KeptResult extends BenchResult {
  readonly bench: string;
  readonly machine: string;
  /** ISO 8601. */
  readonly at: string;
  /** The comment at the head of the benchmark. */
  readonly about: string;
}

const LESS_IS_BETTER = /^(ms|s|us|B|bytes|B\/event|MiB|GiB|times)\b|^%/;

const HEAD = `# Benchmarks

Made by \`bench/report.ts\` from full runs of \`npm run bench -- NAME --peer\`; each was measured with its load generator and its
peer on the same machine, in turns. A ratio above 1 is better than the peer; within 20 % is a tie on machines of this kind,
whose disks and neighbours vary from minute to minute.
`;

export function renderReport(results: readonly KeptResult[]): string {
  if (results.length === 0) return `${HEAD}\nNo full run has been kept yet.\n`;
  const sorted = [...results].sort((a, b) => a.bench.localeCompare(b.bench));
  return `${HEAD}
| benchmark | figure | p99 | must reach | peer | ratio |
|---|---|---|---|---|---|
${sorted.map(summaryRow).join('\n')}

${sorted.map(section).join('\n\n')}
`;
}

function summaryRow(result: KeptResult): string {
  const cells = [
    `[\`${result.bench}\`](#${result.bench})`,
    figure(result.value, result.unit),
    result.p99Ms === undefined ? '' : figure(result.p99Ms, 'ms'),
    targetCell(result),
    peerCell(result),
    result.ratio === undefined ? '' : String(result.ratio),
  ];
  return `| ${cells.join(' | ')} |`;
}

function targetCell({ target, value, unit }: KeptResult): string {
  if (target === undefined) return '';
  const isReached = LESS_IS_BETTER.test(unit) ? value <= target : value >= target;
  return `${figure(target, unit)}: ${isReached ? 'reached' : '**not reached**'}`;
}

const peerCell = ({ peer, unit }: Measured): string =>
  peer === undefined ? '' : `${figure(peer.value, unit)}, ${peer.name}`;

function section(result: KeptResult): string {
  const rows = Object.entries(result.rows ?? {});
  const table =
    rows.length === 0
      ? ''
      : `\n\n| | figure | p99 | peer | ratio |\n|---|---|---|---|---|\n${rows.map(detailRow).join('\n')}`;
  const load = result.loadCpuS === undefined ? [] : [`The load generator used ${result.loadCpuS.toFixed(1)} s of CPU.`];
  const notes = [...(result.notes ?? []), ...load].map((note) => `- ${note}`).join('\n');
  return `## ${result.bench}\n\n${result.about}${table}${notes === '' ? '' : `\n\n${notes}`}\n\n${result.at.slice(0, 10)}, ${result.machine}`;
}

function detailRow([name, row]: [string, Measured]): string {
  const p99 = row.p99Ms === undefined ? '' : figure(row.p99Ms, 'ms');
  return `| ${name} | ${figure(row.value, row.unit)} | ${p99} | ${peerCell(row)} | ${row.ratio ?? ''} |`;
}

const figure = (value: number, unit: string): string =>
  `${value.toLocaleString('en-US', { maximumFractionDigits: 1 })} ${unit}`;

if (import.meta.main) {
  const folder = join(ROOT, 'bench/results');
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json'));
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  await writeFile(join(ROOT, 'docs/benchmarks.md'), renderReport(texts.map((text) => JSON.parse(text) as KeptResult)));
}
