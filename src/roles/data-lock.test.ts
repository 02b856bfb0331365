import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { holderOf, lockDataFolder, lockDataFolderSoon } from './data-lock.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-lock-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** Another process that holds the lock until it is killed. */
async function startHolder() {
  const script = join(folder, 'holder.ts');
  const module = join(import.meta.dirname, 'data-lock.ts');
  await writeFile(
    script,
    `import { lockDataFolder } from ${JSON.stringify(module)};
lockDataFolder(${JSON.stringify(folder)}, 'collector');
process.send('locked');
setInterval(() => {}, 1000);`,
  );
  const child = fork(script);
  await once(child, 'message');
  return child;
}

test('a second process is refused, and told which process has the folder', async () => {
  const holder = await startHolder();
  expect(() => lockDataFolder(folder, 'collector')).toThrow(`process ${holder.pid}`);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
});

test('the lock is free as soon as its holder is dead, however it died', async () => {
  const holder = await startHolder();
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  lockDataFolder(folder, 'collector').release();
});

test('a role waits for one that is going away', async () => {
  const holder = await startHolder();
  const waiting = lockDataFolderSoon(folder, 'collector');
  holder.kill('SIGKILL');
  (await waiting).release();
});

test('roles do not keep each other out', () => {
  const collector = lockDataFolder(folder, 'collector');
  const store = lockDataFolder(folder, 'store');
  collector.release();
  store.release();
});

test('whoever asks who has the lock is told, and takes nothing', async () => {
  expect(holderOf(folder, 'collector')).toBeUndefined();
  const holder = await startHolder();
  expect(holderOf(folder, 'collector')).toEqual({ pid: holder.pid });
  expect(holderOf(folder, 'store')).toBeUndefined();
  expect(() => lockDataFolder(folder, 'collector')).toThrow(`process ${holder.pid}`);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  // Its note is there, and it is not.
  expect(holderOf(folder, 'collector')).toBeUndefined();
});
