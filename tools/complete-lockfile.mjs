// Adds to package-lock.json what npm leaves out of it: packages of other platforms that the registry at hand does not
// carry. Without them `npm ci` of npm 11 calls the lockfile out of step with package.json, on every platform. Run it
// after each `npm install`; it changes nothing where npm has written everything. Entries that it adds have no checksum,
// since the package could not be fetched here.
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = new URL('../package-lock.json', import.meta.url);
const OS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'sunos', 'win32'];
const CPU = ['arm', 'arm64', 'ia32', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

const lock = JSON.parse(readFileSync(FILE, 'utf8'));
const added = [];
for (const [owner, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`;
    if (lock.packages[path] !== undefined || lock.packages[`${owner}/${path}`] !== undefined) continue;
    const platform = platformOf(name);
    if (platform === undefined || !/^\d/.test(version)) continue;
    lock.packages[path] = { version, ...platform, optional: true, ...(entry.dev === true ? { dev: true } : {}) };
    added.push(`${name}@${version}`);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(added.length === 0 ? 'package-lock.json is complete\n' : `added ${added.join(', ')}\n`);

/** What the name says: `@chdb/lib-linux-arm64-gnu` is for Linux with glibc on arm64. */
function platformOf(name) {
  const parts = name.split(/[-/]/);
  const os = parts.find((part) => OS.includes(part));
  const cpu = parts.find((part) => CPU.includes(part));
  if (os === undefined || cpu === undefined) return undefined;
  const libc = os !== 'linux' ? undefined : parts.includes('musl') ? 'musl' : parts.includes('gnu') ? 'glibc' : undefined;
  return { os: [os], cpu: [cpu], ...(libc === undefined ? {} : { libc: [libc] }) };
}
