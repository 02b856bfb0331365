/** `npm run engines`: real servers for tests, and that nothing but what was started is ever stopped. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { enginesFolder } from '../../tools/engines/folders.ts';
import { kafkaIsInstalled, kafkaTool } from '../../tools/engines/kafka.ts';
import { down, status } from '../../tools/engines/lifecycle.ts';
import { isRunning, launch, startTicksOf, stop } from '../../tools/engines/processes.ts';
import { lacks } from '../support/needs.ts';

const MAIN = join(import.meta.dirname, '../../tools/engines/main.ts');
const LONG_MS = 300_000;
const run = promisify(execFile);
const engines = (...args: string[]) => run(process.execPath, [MAIN, ...args]);

let data: string;
const strangers: ChildProcess[] = [];
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'spillway-engines-'));
});
afterEach(async () => {
  for (const stranger of strangers.splice(0)) stranger.kill('SIGKILL');
  await rm(data, { recursive: true, force: true });
});

describe('the processes of engines', () => {
  it('are stopped, also where they do not listen to SIGTERM', async () => {
    const log = join(data, 'log');
    const deaf = await launch({
      command: process.execPath,
      args: ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('deaf')"],
      cwd: data,
      log,
    });
    await expect.poll(() => readFile(log, 'utf8')).toBe('deaf\n');
    expect(await isRunning(deaf)).toBe(true);
    await stop(deaf, 200);
    await expect.poll(() => isRunning(deaf)).toBe(false);
  });

  it('are never taken for one that got the same process id later', async () => {
    const stranger = spawn('sleep', ['600'], { stdio: 'ignore' });
    strangers.push(stranger);
    await once(stranger, 'spawn');
    const pid = stranger.pid ?? 0;
    const startTicks = String(Number(await startTicksOf(pid)) - 1);
    const node = { name: 'node-1', address: '127.0.0.1:1', log: join(data, 'log'), pid, startTicks };
    await writeFile(join(data, 'engine.json'), JSON.stringify({ kind: 'redis', ports: {}, nodes: [node] }));
    expect(await status('redis', data)).toMatchObject([{ pid, isRunning: false }]);
    await down('redis', { data });
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
    expect(await startTicksOf(pid)).toBeDefined();
  });

  it("do not get a folder that is somebody else's, so that wiping it can hurt nobody", async () => {
    await writeFile(join(data, 'letter'), 'dear all');
    for (const verb of ['up', 'down']) {
      const refused = engines(verb, 'redis', '--data', data, '--wipe');
      await expect(refused).rejects.toMatchObject({ code: 1 });
    }
    expect(await readFile(join(data, 'letter'), 'utf8')).toBe('dear all');
  });

  it('say of a folder that cannot be what it is, and do not try for ever', async () => {
    const file = join(data, 'file');
    await writeFile(file, '');
    for (const [folder, said] of [
      [file, `${file} is a file`],
      ['/proc/no-such', '/proc/no-such cannot be made'],
    ] as const) {
      const stderr = expect.stringContaining(said);
      await expect(engines('up', 'redis', '--data', folder)).rejects.toMatchObject({ code: 1, stderr });
    }
    const stderr = expect.stringContaining('--data is given twice');
    await expect(engines('status', '--data', 'a', '--data', 'b')).rejects.toMatchObject({ code: 2, stderr });
  });

  it('go on where nobody reads what they print', async () => {
    const command = `"$0" "$@"; echo "ended with $?" >&2`;
    const piped = run('bash', ['-c', `{ ${command}; } | true`, process.execPath, MAIN, 'status']);
    expect((await piped).stderr).toBe('ended with 0\n');
  });

  it('live below the folder that the environment names', () => {
    expect(enginesFolder({ SPILLWAY_ENGINES: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
    expect(enginesFolder({ XDG_CACHE_HOME: '/b' })).toBe('/b/spillway/engines');
    expect(enginesFolder({})).toMatch(/^\/.*\/spillway\/engines$/);
  });

  it('are named where one is asked for that is not there', async () => {
    await expect(engines('up', 'nothing')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('kafka, opensearch, cassandra, s3, redis'),
    });
  });

  it('are asked for by options that there are', async () => {
    await expect(engines('up', 'redis', '--foo')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^Unknown option .--foo.[\s\S]*usage:/),
    });
  });
});

describe.skipIf(
  lacks('Redis as an engine', { programs: { 'redis-server': 'redis-server', 'redis-cli': 'redis-tools' } }),
)('Redis', () => {
  it(
    'answers where it says, keeps its port, and is gone when it was stopped',
    async () => {
      const address = await upAndAddress('redis');
      const port = address.split(':')[1] ?? '';
      const cli = (...args: string[]) => run('redis-cli', ['-p', port, ...args]);
      expect((await cli('rpush', 'logs', 'one')).stdout.trim()).toBe('1');
      await engines('down', 'redis', '--data', data);
      await expect(cli('ping')).rejects.toThrow();
      expect(await upAndAddress('redis')).toBe(address);
      await engines('down', 'redis', '--data', data, '--wipe');
      await expect(readFile(join(data, 'engine.json'))).rejects.toThrow('ENOENT');
    },
    LONG_MS,
  );

  it(
    'is started once by two commands at once, in a folder that is named from here, and never where a stranger answers',
    async () => {
      const folder = relative(process.cwd(), join(data, 'redis'));
      const both = await Promise.all([1, 2].map(() => engines('up', 'redis', '--data', folder)));
      expect(both[1]?.stdout).toBe(both[0]?.stdout);
      await engines('down', 'redis', '--data', folder);
      const port = Number(/127\.0\.0\.1:(\d+)/.exec(both[0]?.stdout ?? '')?.[1]);
      const stranger = createServer().listen(port, '127.0.0.1');
      await once(stranger, 'listening');
      await expect(engines('up', 'redis', '--data', folder)).rejects.toMatchObject({
        stderr: expect.stringContaining(`127.0.0.1:${port}, is taken by another process`),
      });
      stranger.close();
    },
    LONG_MS,
  );
});

const kafkaNeeds = {
  programs: { java: 'openjdk-17-jre-headless', mvn: 'maven' },
  long: (await kafkaIsInstalled()) ? 'it starts Kafka' : 'it installs and starts Kafka',
};

describe.skipIf(lacks('Kafka as an engine', kafkaNeeds))('Kafka', () => {
  it(
    'of three nodes keeps a topic in three replicas, and is gone when it was stopped',
    async () => {
      try {
        const address = await upAndAddress('kafka', '--nodes', '3');
        const topic = ['--bootstrap-server', address, '--topic', 'logs'];
        await kafkaTool('org.apache.kafka.tools.TopicCommand', ['--create', '--partitions', '2', ...topic]);
        const { stdout } = await kafkaTool('org.apache.kafka.tools.TopicCommand', ['--describe', ...topic]);
        expect(stdout).toContain('PartitionCount: 2');
        expect(stdout).toContain('ReplicationFactor: 3');
        expect((await status('kafka', data)).map((node) => node.isRunning)).toEqual([true, true, true]);
      } finally {
        await engines('down', 'kafka', '--data', data);
      }
      expect((await status('kafka', data)).map((node) => node.isRunning)).toEqual([false, false, false]);
    },
    LONG_MS,
  );
});

async function upAndAddress(kind: string, ...args: string[]): Promise<string> {
  await mkdir(data, { recursive: true });
  const { stdout } = await engines('up', kind, '--data', data, ...args);
  return /127\.0\.0\.\d+:\d+/.exec(stdout)?.[0] ?? '';
}
