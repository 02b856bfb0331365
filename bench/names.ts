/** Which benchmarks there are: a file each. */
import { readdir } from 'node:fs/promises';

const NOT_BENCHES = ['run.ts', 'harness.ts', 'report.ts', 'names.ts'];

export async function benchNames(): Promise<string[]> {
  const files = await readdir(import.meta.dirname);
  return files
    .filter((entry) => entry.endsWith('.ts') && !entry.includes('.test.') && !NOT_BENCHES.includes(entry))
    .map((entry) => entry.slice(0, -'.ts'.length))
    .sort();
}

/** Those that take seconds with --quick, and need npm only. */
export const QUICKEST = [
  'collect-tcp',
  'queue-append',
  'queue-latency',
  'queue-read',
  'tenants',
  'topics-http',
] as const;

/** Those that a test runs for as long as it has to, and whose figure it looks at. */
export const MEASURED = ['noisy-tenant'] as const;
