// What npm runs before it packs: JavaScript from src/ into dist/, since Node.js refuses to strip types inside
// node_modules, where an installed package lives.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true });
const args = ['tools/node24.mjs', 'node_modules/typescript/bin/tsc', '--project', 'tsconfig.build.json'];
const built = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
process.exitCode = built.status ?? 1;
