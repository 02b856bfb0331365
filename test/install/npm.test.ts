import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lacks } from '../support/needs.ts';

const ROOT = join(import.meta.dirname, '../..');
const INSTALL_MS = 300_000;

interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

describe('package-lock.json', () => {
  const text = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
  const packages: Readonly<Record<string, LockEntry>> = JSON.parse(text).packages;

  test('has an entry for every package of every platform (npm run lockfile)', () => {
    const missing = Object.entries(packages).flatMap(([owner, entry]) =>
      Object.keys(entry.optionalDependencies ?? {}).filter(
        (name) =>
          packages[`node_modules/${name}`] === undefined && packages[`${owner}/node_modules/${name}`] === undefined,
      ),
    );
    expect(missing).toEqual([]);
  });

  test('names no registry', () => {
    expect(text).not.toMatch(/"resolved"|https?:\/\/[^"]*\.tgz/);
  });
});

const long = { long: 'it installs everything twice' };
describe.skipIf(lacks('npm ci under npm 10 and 11', long))('npm ci in a clean clone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-install-'));
  const clone = join(folder, 'clone');
  beforeAll(() => {
    run('git', ['clone', '--quiet', ROOT, clone], folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(['10', '11'])('works under npm %s, and warns of nothing', { timeout: INSTALL_MS }, (version) => {
    rmSync(join(clone, 'node_modules'), { recursive: true, force: true });
    rmSync(join(clone, 'console/dist'), { recursive: true, force: true });
    const said = run('npx', ['--yes', `npm@${version}`, 'ci'], clone);
    expect(said).not.toMatch(/EBADENGINE|install-scripts|deprecated|vulnerab/);
    expect(readdirSync(join(clone, 'console/dist'))).toContain('index.html');
    expect(run('git', ['status', '--porcelain'], clone)).toBe('');
    expect(run(process.execPath, ['bin/spillway.mjs', '--version'], clone)).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

function run(program: string, args: readonly string[], cwd: string): string {
  const ended = spawnSync(program, args, { cwd, encoding: 'utf8', timeout: INSTALL_MS });
  if (ended.status !== 0)
    throw new Error(`${program} ${args.join(' ')}: ${ended.status}\n${ended.stdout}${ended.stderr}`);
  return ended.stdout + (program === 'npx' ? ended.stderr : '');
}
