import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiServers, startApiServers } from '../../test/support/api-servers.ts';
import { MemoryReader } from '../../test/support/memory-reader.ts';
import { lacks } from '../../test/support/needs.ts';
import { sampleEvent } from '../../test/support/sample-events.ts';
import { accounts, inputs, probes, questions } from './catalogue/index.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/api.md'), 'utf8');
const commands = [...page.matchAll(/```sh\n(.*?)```/gs)]
  .flatMap(([, block = '']) => block.split(/\n(?=curl|spillway)/))
  .map((command) => command.trim())
  .filter((command) => command.startsWith('curl'));
const REFUSED_ON_PURPOSE = 'limt=5';
const FOLLOW_S = 1;

describe('docs/api.md', () => {
  it.each([questions, accounts, probes, inputs].flatMap((group) => Object.values(group)).map(({ url }) => url))(
    'has an example of %s',
    (url) => {
      const address = url
        .replace(':topic', '(raw|orders)')
        .replace(':group', 'billing')
        .replace(':member', '\\$MEMBER');
      expect(commands.some((command) => new RegExp(`${address}(?![\\w/])`).test(command))).toBe(true);
    },
  );
});

describe.skipIf(lacks('examples of docs/api.md', { programs: { curl: 'curl' } }))('its examples', () => {
  const reader = new MemoryReader();
  /** What an answer says that a later example needs. */
  const said: Record<string, string> = {};
  let api: ApiServers;
  beforeAll(async () => {
    api = await startApiServers({ reader });
    reader.events = [{ ...sampleEvent(1, { timestamp: Date.now() }), id: 'local.raw.2.1.0' }];
  });
  afterAll(() => api.close());

  // Those with a token last: with the first token this machine is no admin any more.
  const inOrder = commands.toSorted((a, b) => Number(a.includes('$TOKEN')) - Number(b.includes('$TOKEN')));
  it.each(inOrder)('work as they stand: %s', async (command) => {
    // The partition of the example is one that the test's small queue has.
    const own = command.replaceAll('http://127.0.0.1:7514', api.frontUrl).replace('partition=3', 'partition=1');
    const TOKEN = command.includes('$TOKEN') ? api.token('shop', 'read') : '';
    const line = own.replace(/^curl/, `curl -s --max-time ${FOLLOW_S} -w '\\n%{http_code}'`);
    const run = promisify(execFile)('sh', ['-c', line], { env: { ...process.env, ...said, TOKEN } });
    const { stdout } = await run.catch((error: { stdout: string }) => error);
    const status = stdout.split('\n').at(-1);
    for (const name of ['member', 'next']) {
      const value = new RegExp(`"${name}":"([^"]+)"`).exec(stdout)?.[1];
      if (value !== undefined) said[name.toUpperCase()] = value;
    }
    expect(status, stdout).toBe(command.includes(REFUSED_ON_PURPOSE) ? '400' : '200');
  });
});
