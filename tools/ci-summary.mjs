// Adds up what .ci/run has run: `node tools/ci-summary.mjs FOLDER`, where steps.ndjson has a line for each step and every
// *.json is a report of vitest. A test that one run skipped and another ran counts once, as what the other says. The last
// line is "N passed, N failed, N skipped"; exit 1 where anything failed.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const folder = process.argv[2];
const results = new Map();

/** Failed weighs more than passed, and passed more than skipped. */
const WEIGHT = { skipped: 0, passed: 1, failed: 2 };
const STATUS = { passed: 'passed', failed: 'failed', pending: 'skipped', skipped: 'skipped', todo: 'skipped' };

function note(name, status) {
  const before = results.get(name);
  if (before === undefined || WEIGHT[status] > WEIGHT[before]) results.set(name, status);
}

for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  const report = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  for (const suite of report.testResults) {
    const path = suite.name.replace(/^.*\/clone\//, '');
    for (const test of suite.assertionResults) note(`${path}: ${test.fullName}`, STATUS[test.status] ?? 'failed');
    // A file that could not be loaded has no tests to fail.
    if (suite.status === 'failed' && suite.assertionResults.length === 0) note(`${path}: (the file)`, 'failed');
  }
}

const steps = join(folder, 'steps.ndjson');
for (const line of existsSync(steps) ? readFileSync(steps, 'utf8').trim().split('\n') : []) {
  const { step, status } = JSON.parse(line);
  const hasReport = existsSync(join(folder, `${basename(step)}.json`));
  // A run of tests is counted by its tests; but one that failed otherwise, or was cut off, counts as a failure too.
  if (!hasReport || (status !== 0 && ![...results.values()].includes('failed'))) {
    note(`step ${step}`, status === 0 ? 'passed' : 'failed');
  }
}

const count = (status) => [...results.values()].filter((found) => found === status).length;
for (const wanted of ['failed', 'skipped']) {
  for (const [name, status] of results) if (status === wanted) process.stdout.write(`${wanted}: ${name}\n`);
}
if (results.size === 0) note('nothing was run', 'failed');
process.stdout.write(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped\n`);
process.exitCode = count('failed') > 0 ? 1 : 0;
