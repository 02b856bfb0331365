/**
 * SIGKILL of a store before or after what it writes. One of so many of its operations is tried, from a random one on;
 * SPILLWAY_TEST_KILL_POINTS=all tries each, before and after (three minutes), SPILLWAY_TEST_SEED the same ones again.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findProgram, lacks } from '../../../test/support/needs.ts';
import { seededRandom } from '../../../test/support/seeded.ts';
import { removeSlices } from '../opensearch/testing/cluster-kit.ts';

const FIXTURE = join(import.meta.dirname, 'kill.fixture.ts');
const EACH = process.env.SPILLWAY_TEST_KILL_POINTS === 'all';
/** Of the operations. */
const ONE_OF = { quick: 12, long: process.env.SPILLWAY_TEST_REQUIRE === 'all' ? 2 : 12 };
/** An insert has more than so many. */
const OPERATIONS = 100;
const LONG_MS = 900_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-kill-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

type Engine = 'embedded' | 'opensearch';

function start(engine: Engine, round: number, mode: string): ChildProcess {
  return spawn(process.execPath, [FIXTURE, folder, engine, String(round), mode], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
  });
}

async function ended(child: ChildProcess): Promise<Ended> {
  let output = '';
  child.stdout?.on('data', (data: Buffer) => {
    output += data.toString();
  });
  const [code] = await once(child, 'close');
  return { code: typeof code === 'number' ? code : null, output };
}

describe('a store that is killed', () => {
  const noCluster = lacks('kills of a store on OpenSearch', { server: 'SPILLWAY_TEST_OPENSEARCH' });
  const engines: readonly (readonly [Engine, number])[] = [
    ['embedded', EACH ? 1 : ONE_OF.long],
    // Fewer: its own writes are those of the embedded one.
    ...(noCluster ? [] : [['opensearch', ONE_OF.quick] as const]),
  ];
  test.each(engines)(
    'before or after any of its writes has every event exactly once when it starts again: %s',
    async (engine, stride) => {
      const random = seededRandom();
      let kills = 0;
      let operation = 1 + random.below(stride);
      for (let round = 0; ; round++) {
        const isBefore = stride === 1 ? round % 2 === 0 : random.chance(0.5);
        const when = isBefore ? 'before' : 'after';
        // Each process also checks what the one before it, which was killed, left behind.
        const { code, output } = await ended(start(engine, round, `${operation}:${when}`));
        expect([0, null], `round ${round}, operation ${operation}: ${output}`).toContain(code);
        // An operation that fails, such as making a folder that is there, has no end to be killed at.
        const operations = Number(/finished after (\d+)/.exec(output)?.[1] ?? Number.POSITIVE_INFINITY);
        if (operations < operation) break;
        if (code === null) kills++;
        if (!isBefore || stride > 1) operation += stride;
      }
      console.info(`${kills} kills, the last one before operation ${operation}`);
      // Some operations fail, such as making a folder that is there.
      expect(kills).toBeGreaterThan(OPERATIONS / stride / 2);
      if (engine === 'opensearch') await removeSlices(folder);
    },
    LONG_MS,
  );

  const needs = { programs: { strace: 'strace' }, root: true };
  test.skipIf(lacks('kills within an insert of the engine', needs))(
    'at any rename inside the insert of the engine has every event exactly once when it starts again',
    async () => {
      const killed: string[] = [];
      for (let rename = 1; rename <= 12; rename++) {
        const child = start('embedded', rename, 'wait');
        const end = ended(child);
        const gone = end.then(({ code, output }) => expect(code, output).not.toBe(3));
        await Promise.race([once(child, 'message'), gone.then(() => Promise.reject(new Error('it ended early')))]);
        await killAtRename(child, rename);
        const { code, output } = await end;
        expect([0, null], `rename ${rename}: ${output}`).toContain(code);
        if (code === null) killed.push(`rename ${rename}`);
      }
      const { code, output } = await ended(start('embedded', 13, ''));
      expect(code, output).toBe(0);
      console.info(`killed at ${killed.join(', ')}`);
      // Three days for each of two partitions' events: an insert renames three parts at least.
      expect(killed.length).toBeGreaterThanOrEqual(3);
    },
    LONG_MS,
  );
});

/** Attaches strace, which kills the process when one of its threads makes its n-th rename, and lets it go on. */
async function killAtRename(child: ChildProcess, rename: number): Promise<void> {
  const inject = `inject=rename,renameat,renameat2:signal=SIGKILL:when=${rename}`;
  const args = [
    '-f',
    '-o',
    '/dev/null',
    '-e',
    'trace=rename,renameat,renameat2',
    '-e',
    inject,
    '-p',
    String(child.pid),
  ];
  const strace = spawn(findProgram('strace') ?? 'strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    strace.once('error', reject);
    strace.stderr.on('data', (data: Buffer) => {
      said += data.toString();
      // It says so once for each thread; the main one comes first, the others before it goes on.
      if (/attached/.test(said)) resolve();
    });
    strace.once('exit', () => reject(new Error(`strace ended: ${said}`)));
  });
  child.send('go');
}
