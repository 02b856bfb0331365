import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFolder } from './make-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-make-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a folder is made with those above it, and one that is there is left alone', () => {
  expect(makeFolder(join(folder, 'a/b/c'))).toBe(join(folder, 'a'));
  expect(existsSync(join(folder, 'a/b/c'))).toBe(true);
  expect(makeFolder(join(folder, 'a/b/c'))).toBeUndefined();
  symlinkSync('a', join(folder, 'link'));
  expect(makeFolder(join(folder, 'link/d'))).toBe(join(folder, 'link/d'));
});

test.skipIf(process.platform !== 'linux')(
  'where the kernel makes no folder that is said, and not tried for ever',
  () => {
    for (const path of ['/proc/no-such', '/proc/no-such/below']) {
      expect(() => makeFolder(path)).toThrow(/\/proc\/no-such\S* cannot be made: .*Name another folder/);
    }
  },
);

test('a file, or a link to nothing, is not taken for a folder', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(() => makeFolder(file)).toThrow(`${file} is a file, so it is no folder`);
  expect(() => makeFolder(join(file, 'below'))).toThrow(`${file} is a file, so ${join(file, 'below')} is no folder`);
  const link = join(folder, 'to-nothing');
  symlinkSync(join(folder, 'nothing'), link);
  expect(() => makeFolder(join(link, 'below'))).toThrow(/to-nothing\/below cannot be made: EEXIST/);
});
