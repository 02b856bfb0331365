/** Benchmarks that take longer also with --quick, or need a server: that each runs. How fast it is, no test says. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { lacks } from '../test/support/needs.ts';
import { ROOT } from './harness.ts';
import { benchNames, MEASURED, QUICKEST } from './names.ts';

const run = promisify(execFile);
/** For one, beside another one. */
const LONG_MS = 240_000;
const programs = { java: 'openjdk-17-jre-headless', mvn: 'maven', taskset: 'util-linux' };
const needs = { programs, long: 'they take minutes', alone: 'two at a time take both cores' };
const elsewhere: readonly string[] = [...QUICKEST, ...MEASURED];
const names = (await benchNames()).filter((name) => !elsewhere.includes(name));

describe.skipIf(lacks('benchmarks of engines and of all roles', needs))('the benchmark', () => {
  it.concurrent.each(names)(
    '%s runs with --quick, and its last line is its result',
    async (bench) => {
      const args = [join(ROOT, 'bench/run.ts'), bench, '--quick'];
      const { stdout } = await run(process.execPath, args, { timeout: LONG_MS });
      const last = stdout.trim().split('\n').at(-1) ?? '';
      console.info(last);
      expect(JSON.parse(last)).toMatchObject({
        ...{ bench, value: expect.any(Number), unit: expect.any(String) },
        ...{ machine: expect.any(String), notes: expect.any(Array) },
      });
    },
    2 * LONG_MS,
  );
});
