// Finds a Node.js of at least MINIMUM_MAJOR and runs a script on it. Plain JavaScript for Node 20:
// this is the only code of the project that an older Node has to understand.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';

const MINIMUM_MAJOR = 24;
const FORWARDED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];

/** The path of a suitable Node.js: this one, or the one from the optional package of this platform. */
export function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= MINIMUM_MAJOR) return process.execPath;
  const packageName = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
    const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    if (existsSync(binary)) return binary;
  } catch {
    // Not installed: the message below says what to do.
  }
  process.stderr.write(
    `spillway: needs Node.js ${MINIMUM_MAJOR} or newer; this is ${process.version} and the package ${packageName} is not installed.\n` +
      `Run "npm install ${packageName}@${MINIMUM_MAJOR}", or start Spillway with a newer Node.js.\n`,
  );
  process.exit(1);
}

/** Runs [script, ...args] on it with this terminal, passes signals on and exits as it exits. */
export function runOnNode24(args) {
  const child = spawn(findNode(), args, { stdio: 'inherit' });
  for (const signal of FORWARDED_SIGNALS) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`spillway: cannot run ${child.spawnfile}: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? code : 128 + (constants.signals[signal] ?? 0));
  });
}
