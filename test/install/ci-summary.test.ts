import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const SUMMARY = join(import.meta.dirname, '../../tools/ci-summary.mjs');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-summary-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function report(
  name: string,
  tests: Readonly<Record<string, string>>,
  suite: { status: string } = { status: 'passed' },
): void {
  const assertionResults = Object.entries(tests).map(([fullName, status]) => ({ fullName, status }));
  writeFileSync(
    join(folder, `${name}.json`),
    JSON.stringify({ testResults: [{ name: '/x/clone/a.test.ts', ...suite, assertionResults }] }),
  );
}

function steps(...results: readonly [string, number][]): void {
  writeFileSync(
    join(folder, 'steps.ndjson'),
    results.map(([step, status]) => JSON.stringify({ step, status })).join('\n'),
  );
}

function summary(): { last: string | undefined; status: number | null } {
  const { stdout, status } = spawnSync(process.execPath, [SUMMARY, folder], { encoding: 'utf8' });
  return { last: stdout.trim().split('\n').at(-1), status };
}

test('a test that one run skipped and another ran counts once', () => {
  report('test', { a: 'passed', b: 'skipped', c: 'pending' });
  report('test-all', { b: 'passed' });
  steps(['test', 0], ['test-all', 0], ['lint', 0]);
  expect(summary()).toEqual({ last: '3 passed, 0 failed, 1 skipped', status: 0 });
});

test('what failed in any run has failed', () => {
  report('test', { a: 'failed' });
  report('test-all', { a: 'passed' });
  steps(['test', 1], ['test-all', 0], ['types', 2]);
  expect(summary()).toEqual({ last: '0 passed, 2 failed, 0 skipped', status: 1 });
});

test('a run that was cut off, or a file that could not be loaded, has failed', () => {
  steps(['npm-ci', 0], ['test', 124]);
  expect(summary()).toEqual({ last: '1 passed, 1 failed, 0 skipped', status: 1 });
  report('test', {}, { status: 'failed' });
  expect(summary()).toEqual({ last: '1 passed, 1 failed, 0 skipped', status: 1 });
});

test('a run whose tests passed, but that failed, has failed', () => {
  report('test', { a: 'passed' });
  steps(['test', 1]);
  expect(summary()).toEqual({ last: '1 passed, 1 failed, 0 skipped', status: 1 });
});

test('nothing at all has failed', () => {
  expect(summary()).toEqual({ last: '0 passed, 1 failed, 0 skipped', status: 1 });
});
