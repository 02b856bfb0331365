// Finishes package-lock.json after `npm install`. It adds what npm leaves out: packages of other platforms that the
// registry at hand does not carry, without which `npm ci` of npm 11 calls the lockfile out of step with package.json, on
// every platform (they have no checksum, since they could not be fetched). And it takes out the `engines` of packages
// that want a newer Node.js than npm runs on: all of them run on the Node 24 that is installed with them, so the warning
// that npm would print is not true.
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
for (const [path, entry] of Object.entries(lock.packages)) {
  if (path !== '' && entry.engines?.node !== undefined && !acceptsNode20(entry.engines.node)) {
    added.push(`no engines of ${path}`);
    delete entry.engines;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(added.length === 0 ? 'package-lock.json is complete\n' : `changed: ${added.join(', ')}\n`);

/** What the name says: `@chdb/lib-linux-arm64-gnu` is for Linux with glibc on arm64. */
function platformOf(name) {
  const parts = name.split(/[-/]/);
  const os = parts.find((part) => OS.includes(part));
  const cpu = parts.find((part) => CPU.includes(part));
  if (os === undefined || cpu === undefined) return undefined;
  const libc =
    os !== 'linux' ? undefined : parts.includes('musl') ? 'musl' : parts.includes('gnu') ? 'glibc' : undefined;
  return { os: [os], cpu: [cpu], ...(libc === undefined ? {} : { libc: [libc] }) };
}

/** Whether one of the alternatives of a range such as `^20.19 || >=22.12` begins at 20 or earlier and is open to it. */
function acceptsNode20(range) {
  return range.split('||').some((part) => {
    const major = Number(/\d+/.exec(part)?.[0] ?? 0);
    return part.includes('>=') || part.trim() === '*' ? major <= 20 : major === 20;
  });
}
