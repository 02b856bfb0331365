// Finds a Node.js of at least MINIMUM_MAJOR and runs a script on it. Plain JavaScript for Node 20:
// bin/ is the only code of the project that an older Node has to understand.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';

const MINIMUM_MAJOR = 24;
const FORWARDED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];
// A terminal sends these to every process in its foreground group: sent on once more, they would arrive twice.
const SENT_BY_TERMINALS = ['SIGINT', 'SIGQUIT'];

export function isNewEnough() {
  return Number(process.versions.node.split('.')[0]) >= MINIMUM_MAJOR;
}

/** The path of a suitable Node.js: this one, or the one from the optional package of this platform. */
function findNode() {
  if (isNewEnough()) return process.execPath;
  const packageName = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
    const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    if (existsSync(binary)) return binary;
  } catch {
    // Not installed: the message below says what to do.
  }
  process.stderr.write(
    `spillway: needs Node.js ${MINIMUM_MAJOR} or newer, and this is ${process.version}.\n` +
      `npm brings a newer one where the package ${packageName} exists; here it is not installed.\n` +
      `Either repeat the installation with optional packages (npm ci --include=optional),\n` +
      `or start Spillway with Node.js ${MINIMUM_MAJOR} from https://nodejs.org/en/download\n`,
  );
  process.exit(1);
}

/** Runs [script, ...args] on it with this terminal, passes signals on and exits as it exits. */
export function runOnNode24(args) {
  const node = findNode();
  // By this the other one sees when this process was killed without a chance to pass that on.
  const env = { ...process.env, SPILLWAY_LAUNCHER_PID: String(process.pid) };
  const child = spawn(node, args, { stdio: 'inherit', env });
  for (const signal of FORWARDED_SIGNALS) {
    const sentAlready = process.stdin.isTTY && SENT_BY_TERMINALS.includes(signal);
    process.on(signal, () => {
      if (!sentAlready) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    const musl =
      error.code === 'ENOENT' ? ' (It needs glibc; on Alpine Linux install Node.js 24 with apk instead.)' : '';
    process.stderr.write(`spillway: cannot run ${node}: ${error.message}${musl}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? code : 128 + (constants.signals[signal] ?? 0));
  });
}
