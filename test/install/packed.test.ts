import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, test } from 'vitest';
import { lacks } from '../support/needs.ts';

const ROOT = join(import.meta.dirname, '../..');
const INSTALL_MS = 300_000;
const READY_MS = 30_000;

const long = { long: 'it packs and installs everything', alone: 'npm builds the console, which others serve' };
describe.skipIf(lacks('the packed package', long))('the packed package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-packed-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('installs in an empty folder, starts, takes a log and finds it', { timeout: INSTALL_MS }, async () => {
    const [{ filename, files }] = JSON.parse(
      run('npm', ['pack', '--json', '--pack-destination', folder], ROOT).replace(/^[^[]*/, ''),
    );
    const names: string[] = files.map((file: { path: string }) => file.path);
    expect(names).toContain('console/dist/index.html');
    expect(names.filter((name) => /\.ts$|\.test\.js$/.test(name))).toEqual([]);

    const home = join(folder, 'home');
    mkdirSync(home);
    run('npm', ['init', '--yes'], home);
    run('npm', ['install', '--no-audit', '--no-fund', join(folder, filename)], home);

    const env = { ...process.env, SPILLWAY_HTTP_PORT: '0', SPILLWAY_INPUTS_SYSLOG: '{port: 0}' };
    const child = spawn(join(home, 'node_modules/.bin/spillway'), ['start'], {
      cwd: home,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const url = await ready(child.stdout);
      await fetch(`${url}/api/logs`, { method: 'POST', body: 'hello from a packed spillway' });
      const page = await fetch(url, { headers: { accept: 'text/html' } });
      expect(await page.text()).toContain('<!doctype html>');
      await expect
        .poll(() => run('npx', ['spillway', 'search', 'packed', '--url', url], home), { timeout: READY_MS })
        .toContain('hello from a packed');
    } finally {
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      expect(code).toBe(0);
    }
  });
});

/** The address of the front door, once it is ready. */
async function ready(stdout: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stdout })) {
    if (!line.startsWith('{')) continue;
    const { listening } = JSON.parse(line);
    return `http://127.0.0.1:${listening.find((socket: { what: string }) => socket.what === 'http').port}`;
  }
  throw new Error('it ended before it was ready');
}

function run(program: string, args: readonly string[], cwd: string): string {
  const ended = spawnSync(program, args, { cwd, encoding: 'utf8', timeout: INSTALL_MS });
  if (ended.status !== 0)
    throw new Error(`${program} ${args.join(' ')}: ${ended.status}\n${ended.stdout}${ended.stderr}`);
  return ended.stdout;
}
