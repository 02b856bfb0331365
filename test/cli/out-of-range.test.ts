/** Whoever asks below the start of a partition hears what is lost, over HTTP and on the command line. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TOPICS } from '../../src/event/topics.ts';
import { values } from '../../src/queue/test-records.ts';
import { type ApiServers, startApiServers } from '../support/api-servers.ts';
import { MemoryReader } from '../support/memory-reader.ts';

const BIN = join(import.meta.dirname, '../../bin/spillway.mjs');
const AT = { topic: TOPICS.deadLetter, partition: 1 };
let api: ApiServers;

beforeAll(async () => {
  api = await startApiServers({ reader: new MemoryReader() });
  const first = await api.queue.openWriter(AT);
  await first.append(values('a', 'b', 'c', 'd', 'e'));
  await first.close();
  // Each owner begins a segment, and whole segments go.
  const second = await api.queue.openWriter(AT);
  await second.append(values('f'));
  await api.queue.retain();
});
afterAll(() => api.close());

async function cli(...args: string[]) {
  const env = { ...process.env, NO_COLOR: '1' };
  const child = spawn(process.execPath, [BIN, ...args, '--url', api.frontUrl], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { stdout, stderr, status: child.exitCode };
}

test('the API answers 410 with the earliest offset and how many records are lost', async () => {
  const response = await fetch(`${api.frontUrl}/api/topics/dead-letter/records?partition=1&offset=2`);
  expect(response.status).toBe(410);
  expect(await response.json()).toMatchObject({ code: 'QUEUE_OFFSET_OUT_OF_RANGE', earliest: 5, lost: 3, offset: 2 });
});

test('the command line says the same, and fails', async () => {
  const { stdout, stderr, status } = await cli('read', 'dead-letter', '--partition', '1', '--from', '2');
  expect(stdout).toBe('');
  expect(stderr).toContain('the earliest is 5, 3 records are lost');
  expect(stderr).toContain('QUEUE_OFFSET_OUT_OF_RANGE');
  expect(status).not.toBe(0);
});

test('whoever names no offset begins at the earliest', async () => {
  const response = await fetch(`${api.frontUrl}/api/topics/dead-letter/records?partition=1`);
  expect(await response.json()).toMatchObject({ next: 6, endOffset: 6 });
});
