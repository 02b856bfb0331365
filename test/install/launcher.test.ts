/** bin/ and tools/node24.mjs on the Node.js that happens to be there: it hands over to a newer one where it is older. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findProgram, lacks } from '../support/needs.ts';

const ROOT = join(import.meta.dirname, '../..');
const NODE24 = join(ROOT, 'tools/node24.mjs');
const NODE = findProgram('node') ?? process.execPath;
const READY_MS = 5_000;

let folder = '';
let started: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-launcher-'));
});
afterEach(async () => {
  // Where a test failed half-way it may still run, and the folder is its.
  if (started !== undefined && started.exitCode === null && started.signalCode === null) {
    started.kill('SIGTERM');
    await once(started, 'exit');
  }
  started = undefined;
  rmSync(folder, { recursive: true, force: true });
});

describe('tools/node24.mjs', () => {
  test('runs a script on Node.js 24 or newer, with its arguments', () => {
    const { stdout } = spawnSync(NODE, [NODE24, '-p', 'process.versions.node'], { encoding: 'utf8' });
    expect(Number(stdout.split('.')[0])).toBeGreaterThanOrEqual(24);
  });

  test('exits as the script exits', () => {
    expect(spawnSync(NODE, [NODE24, '-e', 'process.exit(7)']).status).toBe(7);
    expect(spawnSync(NODE, [NODE24, '-e', 'process.kill(process.pid, "SIGKILL")']).status).toBe(128 + 9);
  });

  test('passes a signal on', async () => {
    const script = 'process.on("SIGTERM", () => process.exit(3)); setInterval(() => {}, 1e6); console.log("up")';
    const child = spawn(NODE, [NODE24, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(createInterface({ input: child.stdout }), 'line');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([3, null]);
  });
});

describe('spillway start', () => {
  test('stops in order on SIGTERM: exit 0', async () => {
    const { child } = await start();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('leaves nothing behind when its launcher is killed', async () => {
    const { child, pids } = await start();
    child.kill('SIGKILL');
    await once(child, 'exit');
    await expect.poll(() => pids.filter(isAlive), { timeout: 15_000 }).toEqual([]);
  });

  const long = { long: 'its time is measured', alone: 'its time is measured' };
  test.skipIf(lacks('spillway start within 5 s', long))('is ready within 5 s on an empty data folder', async () => {
    const { child, tookMs } = await start();
    child.kill('SIGTERM');
    await once(child, 'exit');
    expect(tookMs).toBeLessThan(READY_MS);
  });
});

async function start(): Promise<{ child: ChildProcess; pids: number[]; tookMs: number }> {
  const env = { ...process.env, SPILLWAY_HTTP_PORT: '0', SPILLWAY_INPUTS_SYSLOG: 'false', SPILLWAY_DATA: folder };
  const startedMs = performance.now();
  const child = spawn(NODE, [join(ROOT, 'bin/spillway.mjs'), 'start'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  started = child;
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{"ready"')) continue;
    const tookMs = performance.now() - startedMs;
    const sockets: { what: string; port: number }[] = JSON.parse(line).listening;
    const port = sockets.find(({ what }) => what === 'http')?.port;
    const status = await (await fetch(`http://127.0.0.1:${port}/api/status`)).json();
    child.stdout.resume();
    return { child, pids: status.roles.map(({ pid }: { pid: number }) => pid), tookMs };
  }
  throw new Error('it ended before it was ready');
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
