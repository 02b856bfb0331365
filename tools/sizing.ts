/**
 * Writes the estimate in docs/scaling.md from what was measured (bench/results) and what is assumed (sizing/assumed.ts):
 * node tools/node24.mjs tools/sizing.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { messageOf } from '../src/lib/errors.ts';
import { readMeasured } from './sizing/measured.ts';
import { SCALING_DOCS, withSizing } from './sizing/section.ts';

if (import.meta.main) {
  try {
    writeFileSync(SCALING_DOCS, withSizing(readFileSync(SCALING_DOCS, 'utf8'), readMeasured()));
  } catch (thrown) {
    process.stderr.write(`${messageOf(thrown)}\n`);
    process.exitCode = 1;
  }
}
