/**
 * What a suite needs beyond npm. `npm test` skips a suite whose needs are not met and says how to meet them; with
 * SPILLWAY_TEST_REQUIRE=all (as .ci/run and `npm run test:all` set it) that is a failure instead, so that nothing is
 * skipped in silence for ever. With SPILLWAY_TEST_REQUIRE=none all of them are skipped, as on a machine that has npm only.
 *
 *   describe.skipIf(lacks('nginx by syslog', { programs: { nginx: 'nginx' } }))('nginx by syslog', () => { … });
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface Needs {
  /** Programs by name, with the Debian package that has each. */
  readonly programs?: Readonly<Record<string, string>>;
  readonly root?: boolean;
  /** It runs this program as another user, who has to be able to read it. */
  readonly otherUsers?: boolean;
  /** A server of another program, by the environment variable that has its address (SERVERS says how to get one). */
  readonly server?: keyof typeof SERVERS;
  /** It mounts file systems of its own: in memory, or in a file by a loop device. Containers often may not. */
  readonly mounts?: 'tmpfs' | 'loop';
  /** Files and sockets open at once (the hard limit: Node.js raises its own limit to that). */
  readonly openFiles?: number;
  /** Why it takes longer than `npm test` should: then it runs with SPILLWAY_TEST_REQUIRE=all only. */
  readonly long?: string;
  /** What it measures, or takes both cores for: .ci/run runs its file with no other one beside it. */
  readonly alone?: string;
}

const SERVERS = {
  SPILLWAY_TEST_OPENSEARCH:
    'an OpenSearch 2.19 or 3.x that tests may fill: `npm run engines -- up opensearch` or any of yours, then SPILLWAY_TEST_OPENSEARCH=http://127.0.0.1:9200',
} as const;

const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** True where the suite has to be skipped; prints why. Throws where nothing may be skipped. */
export function lacks(suite: string, needs: Needs): boolean {
  const requires = process.env.SPILLWAY_TEST_REQUIRE;
  const requiresAll = requires === 'all';
  if (requires === 'none') return skipped(suite, 'SPILLWAY_TEST_REQUIRE=none');
  const missing = Object.entries(needs.programs ?? {})
    .filter(([program]) => findProgram(program) === undefined)
    .map(([program, source]) => `${program} is not installed: apt-get install ${source}`);
  if (needs.root === true && process.getuid?.() !== 0) missing.push('it has to run as root');
  if (needs.otherUsers === true && missing.length === 0) missing.push(...hiddenFromOthers());
  if (needs.server !== undefined && (process.env[needs.server] ?? '') === '') {
    missing.push(`it asks ${SERVERS[needs.server]}`);
  }
  if (needs.mounts !== undefined && missing.length === 0) missing.push(...cannotMount(needs.mounts));
  if (needs.openFiles !== undefined && openFilesLimit() < needs.openFiles) {
    missing.push(`it opens ${needs.openFiles} files: ulimit -Hn ${needs.openFiles}`);
  }
  if (needs.long !== undefined && !requiresAll) missing.push(`${needs.long}: npm run test:all runs it`);
  if (missing.length === 0) return false;
  if (requiresAll) throw new Error(`${suite} cannot run: ${missing.join('; ')}`);
  return skipped(suite, missing.join('; '));
}

function skipped(suite: string, why: string): true {
  console.info(`skipped: ${suite} (${why})`);
  return true;
}

function hiddenFromOthers(): string[] {
  const file = join(import.meta.dirname, '../../package.json');
  const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', 'test', '-r', file];
  const isHidden = spawnSync(findProgram('setpriv') ?? 'setpriv', asNobody).status !== 0;
  return isHidden ? [`other users cannot read ${file}: chmod a+x the folders above it`] : [];
}

/** Why file systems cannot be mounted here. */
function cannotMount(kind: 'tmpfs' | 'loop'): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-mount-'));
  try {
    if (spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', folder]).status !== 0) return ['nothing can be mounted here'];
    spawnSync('umount', [folder]);
    const isFree = kind === 'tmpfs' || spawnSync('losetup', ['--find']).status === 0;
    return isFree ? [] : ['there is no loop device'];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function openFilesLimit(): number {
  try {
    const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return hard === undefined || hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Its path; also looked for where only root's PATH leads, and in further folders. */
export function findProgram(name: string, further: readonly string[] = []): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS, ...further];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
