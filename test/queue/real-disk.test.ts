/** The queue's promises on the system's own calls: what strace sees, a sync that fails, a file system that is full. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeDisk } from '../../src/lib/disk.ts';
import { openTestLog } from '../../src/queue/segment-log/test-log.ts';
import { readAll, values } from '../../src/queue/test-records.ts';
import { lacks } from '../support/needs.ts';

const WRITER = join(import.meta.dirname, '../../src/queue/segment-log/kill.fixture.ts');
const AT = { topic: 'raw', partition: 0 };
const LONG_MS = 120_000;

interface Traced {
  /** Numbers that were acknowledged, by offset. */
  readonly acknowledged: ReadonlyMap<number, number>;
  readonly errors: string;
}

/** The writer of kill.test.ts under strace, until it ends. */
async function traced(directory: string, strace: readonly string[], killAt = ''): Promise<Traced> {
  const child = spawn('strace', ['-f', '-qq', ...strace, process.execPath, WRITER, directory, '0', killAt], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // strace counts calls of each thread: one thread makes it all calls.
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    output += piece;
  });
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    errors += piece;
  });
  await once(child, 'close');
  const lines = output.split('\n').slice(0, -1);
  return {
    acknowledged: new Map(lines.map((line) => line.split(' ').map(Number).reverse() as [number, number])),
    errors,
  };
}

async function expectThere(directory: string, acknowledged: ReadonlyMap<number, number>): Promise<void> {
  const log = await openTestLog({ directory, disk: nodeDisk });
  await log.queue.openWriter(AT);
  const found = await readAll(log.queue.openReader(AT), 0);
  const numbers = new Map(found.map(({ offset, value }) => [offset, Number.parseInt(value, 10)]));
  expect(acknowledged.size).toBeGreaterThan(0);
  for (const [offset, number] of acknowledged) expect(numbers.get(offset)).toBe(number);
  await log.close();
}

describe.skipIf(lacks('the queue under strace', { programs: { strace: 'strace' } }))('under strace', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'spillway-strace-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it(
    'each group is one write and one fdatasync, before its answers',
    async () => {
      const trace = join(directory, 'trace');
      const calls = ['-e', 'trace=pwritev,pwrite64,fdatasync,write', '-e', 'signal=none', '-o', trace];
      const { acknowledged } = await traced(join(directory, 'order'), calls, '60:after');
      expect(acknowledged.size).toBeGreaterThan(20);
      const steps = readFileSync(trace, 'utf8')
        .split('\n')
        .flatMap((line) => {
          if (line.includes('resumed>')) return [];
          if (/pwritev?(64)?\(/.test(line)) return ['write'];
          if (line.includes('fdatasync(')) return ['sync'];
          return /write\(1, "\d/.test(line) ? ['answer'] : [];
        });
      const groups = steps.slice(steps.indexOf('answer') - 2).join(' ');
      expect(groups).toMatch(/^(write sync (answer )+)+/);
      expect(groups).not.toMatch(/write answer|sync sync|answer sync/);
    },
    LONG_MS,
  );

  it(
    'a fdatasync that fails ends the partition, and is not tried again',
    async () => {
      const folder = join(directory, 'eio');
      const trace = join(directory, 'eio.trace');
      const inject = ['-e', 'trace=fdatasync', '-e', 'inject=fdatasync:error=EIO:when=20', '-o', trace];
      const { acknowledged, errors } = await traced(folder, inject);
      expect(errors).toContain('QUEUE_PARTITION_STOPPED');
      expect(
        readFileSync(trace, 'utf8')
          .split('\n')
          .findIndex((line) => line.includes('EIO')),
      ).toBe(19);
      expect(readFileSync(trace, 'utf8').match(/fdatasync\(/g)).toHaveLength(20);
      await expectThere(folder, acknowledged);
    },
    LONG_MS,
  );
});

describe.skipIf(lacks('the queue on a full file system', { root: true, programs: { mount: 'mount' } }))(
  'a file system that is full',
  () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'spillway-full-'));
      expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder]).status).toBe(0);
    });
    afterAll(() => {
      spawnSync('umount', [folder]);
      rmSync(folder, { recursive: true });
    });

    it(
      'loses nothing that was acknowledged, and goes on when there is space',
      async () => {
        const filler = await nodeDisk.open(join(folder, 'filler'), 'create');
        await filler.write([Buffer.alloc(700_000, 1)], 0);
        const log = await openTestLog({ directory: join(folder, 'queue'), disk: nodeDisk });
        const writer = await log.queue.openWriter(AT);
        const kept: string[] = [];
        const text = (i: number) => `${i}${'.'.repeat(30_000)}`;
        let refused: unknown;
        while (refused === undefined) {
          const value = text(kept.length);
          await writer.append(values(value)).then(
            () => kept.push(value),
            (error: unknown) => {
              refused = error;
            },
          );
        }
        expect(refused).toMatchObject({ code: 'DISK_FULL' });
        const reader = log.queue.openReader(AT);
        expect((await readAll(reader, 0)).map(({ value }) => value)).toEqual(kept);
        await filler.truncate(0);
        await filler.close();
        kept.push(text(kept.length));
        await writer.append(values(text(kept.length - 1)));
        await log.reopen();
        await log.queue.openWriter(AT);
        expect((await readAll(log.queue.openReader(AT), 0)).map(({ value }) => value)).toEqual(kept);
        await log.close();
      },
      LONG_MS,
    );
  },
);
