import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeDisk } from '../../lib/disk.ts';
import { readAll } from '../test-records.ts';
import { openTestLog } from './test-log.ts';

/** Times that a process is killed at any moment; 200 by hand. */
const ROUNDS = Number(process.env.SPILLWAY_TEST_KILL_ROUNDS ?? 20);
/** Some seconds for each process; others may use the cores. */
const LONG_MS = 60_000 + ROUNDS * 6_000;
const AT = { topic: 'raw', partition: 0 };

describe('a process that is killed', () => {
  let directory: string;
  /** What this process, which lives on, was told: offsets by number. */
  let acknowledged: Map<number, number>;
  let next: number;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'spillway-kill-'));
    acknowledged = new Map();
    next = 0;
  });
  afterEach(() => rm(directory, { recursive: true }));

  /** Runs until it was killed: by us after so many acknowledgements, or by itself at an operation of its disk. */
  async function runAndKill(how: { readonly after?: number; readonly at?: string }): Promise<void> {
    const script = join(import.meta.dirname, 'kill.fixture.ts');
    const child = spawn(process.execPath, [script, directory, String(next), how.at ?? ''], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      if (how.after !== undefined && text.split('\n').length > how.after) child.kill('SIGKILL');
    });
    const [, signal] = await once(child, 'close');
    expect(signal).toBe('SIGKILL');
    for (const line of text.split('\n').slice(0, -1)) {
      const [number = 0, offset = 0] = line.split(' ').map(Number);
      acknowledged.set(number, offset);
    }
  }

  async function check(): Promise<void> {
    const log = await openTestLog({ directory, disk: nodeDisk });
    await log.queue.openWriter(AT);
    const found = await readAll(log.queue.openReader(AT), 0);
    const numbers = found.map(({ value }) => Number.parseInt(value, 10));
    const byOffset = new Map(found.map(({ offset }, i) => [offset, numbers[i]]));
    for (const [number, offset] of acknowledged) expect(byOffset.get(offset)).toBe(number);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const { value } of found) expect(value).toMatch(/^\d+ x*$/);
    expect(log.corrupt).toEqual([]);
    await log.close();
    next = Math.max(next, ...numbers, ...acknowledged.keys()) + 1;
  }

  it(
    'at any moment has lost nothing that was acknowledged',
    async () => {
      for (let round = 0; round < ROUNDS; round++) {
        await runAndKill({ after: 20 + Math.floor(Math.random() * 200) });
        await check();
      }
      console.info(`${acknowledged.size} acknowledged records over ${ROUNDS} kills, all there`);
      expect(acknowledged.size).toBeGreaterThan(100);
    },
    LONG_MS,
  );

  it(
    'before and after operations of its disk has lost nothing that was acknowledged',
    async () => {
      // Making folders, claiming, recovering, the first groups; the disk in memory covers every one of them.
      for (const at of [3, 17, 24, 26]) {
        for (const when of ['before', 'after']) {
          await runAndKill({ at: `${at}:${when}` });
          await check();
        }
      }
    },
    LONG_MS,
  );
});
