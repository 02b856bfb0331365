// What npm runs at the end of `npm ci`: builds the web console, so that `npm start` need not. Without the packages for
// development (`npm ci --omit=dev`) there is nothing to build with: an installed package brings its console built.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const vite = new URL('../node_modules/vite/bin/vite.js', import.meta.url);
const page = new URL('../console/index.html', import.meta.url);

if (existsSync(vite) && existsSync(page)) {
  const args = ['tools/node24.mjs', fileURLToPath(vite), 'build', 'console', '--logLevel', 'error'];
  const built = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  process.exitCode = built.status ?? 1;
} else {
  process.stdout.write('spillway: the web console is not built here (no console/ or no vite).\n');
}
