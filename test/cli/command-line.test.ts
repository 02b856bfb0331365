import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { VERBS, verbNames } from '../../src/cli/verbs.ts';

const BIN = join(import.meta.dirname, '../../bin/spillway.mjs');
const folder = mkdtempSync(join(tmpdir(), 'spillway-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function spillway(...args: string[]) {
  const env = { ...process.env, SPILLWAY_URL: 'http://127.0.0.1:1', NO_COLOR: '1' };
  return spawnSync(process.execPath, [BIN, ...args], { cwd: folder, env, encoding: 'utf8', input: '' });
}

describe('help', () => {
  test('spillway --help lists every verb; without a verb it was asked wrongly', () => {
    const { status, stdout } = spillway('--help');
    expect(status).toBe(0);
    for (const name of verbNames) expect(stdout).toContain(`  ${name}`);
    expect(spillway().status).toBe(2);
  });

  test.each(verbNames)('spillway %s --help shows usage, options and an example', (name) => {
    const { status, stdout } = spillway(name, '--help');
    expect(status).toBe(0);
    expect(stdout).toContain(`Usage: spillway ${name}`);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  # .+\\n  .*spillway ${name}`));
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120);
  });

  test.each(verbNames)('the list says of %s what its own help says', async (name) => {
    const { command } = await VERBS[name].load();
    expect(command.summary).toBe(VERBS[name].summary);
  });
});

describe('asked wrongly: exit 2, with a suggestion', () => {
  test.each([
    [['serach', 'x'], 'Did you mean: spillway search'],
    [['search', 'x', '--limt', '5'], 'Did you mean --limit?'],
    [['search', 'x', '--limit', 'many'], '--limit must be a whole number'],
    [['search', 'x', '--format', 'xml'], '--format must be one of table, ndjson, csv'],
    [['search'], 'Usage: spillway search QUERY'],
    [['search', 'a', 'b'], '"b" is one argument too many'],
    [['search', 'x', '--url', 'nonsense'], 'is not an address of Spillway'],
    [['token', 'crate'], 'Did you mean: spillway token create'],
    [['token', 'create', '--scope', 'reed'], 'Did you mean read?'],
    [['token', 'revoke'], 'which token?'],
    [['config', 'chekc'], 'Did you mean: spillway config check'],
    [['segment', 'chekc', 'x'], 'Did you mean: spillway segment check'],
    [['start', '--role', 'storage'], '--role must be one of collector, processor, store'],
    [['where', 'my-log'], 'Ids look like local.raw.2.1042.0'],
    [['send', 'no-such-file'], 'no-such-file cannot be read'],
    [['demo', '--for', 'ever'], '--for must be a duration'],
    [['start', '--data', 'a', '-d', 'b'], '--data is given twice'],
    [['token', 'create', '--tenant=a', '--tenant', 'a'], '--tenant is given twice'],
    [['search', 'x', '--url', 'http://me:hunter2@h'], 'http://(hidden)@h: an address has no name'],
  ])('%j', (args, message) => {
    const { status, stdout, stderr } = spillway(...args);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});

describe('it failed: exit 1', () => {
  test.each(['collector', 'processor', 'store'])('a %s alone with the embedded queue is refused', (role) => {
    const { status, stderr } = spillway('start', '--role', role);
    expect(stderr).toContain(`The ${role} cannot run alone`);
    expect(stderr).toContain('queue.engine: kafka');
    expect(status).toBe(1);
  });

  test.each([
    ['search', 'x'],
    ['tail'],
    ['topics'],
    ['ledger'],
    ['read', 'raw'],
    ['where', 'local.raw.0.0.0'],
    ['demo'],
  ])('spillway %s says how to start Spillway where nothing answers', (...args) => {
    const { status, stderr } = spillway(...args, ...(args[0] === 'demo' ? ['--syslog', '127.0.0.1:1'] : []));
    expect(stderr).toContain('spillway start');
    expect(status).toBe(1);
  });

  test('spillway send says what was sent', () => {
    writeFileSync(join(folder, 'lines'), 'a\nb\n');
    const { status, stderr } = spillway('send', 'lines');
    expect(stderr).toMatch(/Nothing answers at http:\/\/127\.0\.0\.1:1 .* Nothing was sent\./);
    expect(status).toBe(1);
  });

  test('a configuration that is not valid says where', () => {
    writeFileSync(join(folder, 'wrong.yaml'), 'http:\n  prot: 1\n');
    const { status, stderr } = spillway('config', 'check', '--config', 'wrong.yaml');
    expect(stderr).toContain('wrong.yaml:2:3: http.prot is not an option. Did you mean http.port?');
    expect(status).toBe(1);
    expect(spillway('start', '--config', 'wrong.yaml').status).toBe(1);
  });

  test.each([
    [
      '[{ stage: filtr, when: a, drop: true }]',
      /stages\.yaml:1:12: topology\.0: there is no stage "filtr"\. Did you mean filter\?/,
    ],
    ["[{ stage: parse }, { stage: filter, when: 'a:', drop: true }]", /topology|filter 2/],
  ])('a topology that cannot run (%s) is refused by config check and by start', (topology, message) => {
    writeFileSync(join(folder, 'stages.yaml'), `topology: ${topology}\n`);
    for (const verb of [['config', 'check'], ['start']]) {
      const { status, stderr } = spillway(...verb, '--config', 'stages.yaml', '--data', join(folder, 'stages'));
      expect(stderr).toMatch(message);
      expect(status).toBe(1);
    }
  });

  test('an address of the network without a token is refused with the line that mends it', () => {
    writeFileSync(join(folder, 'open.yaml'), 'http: { host: 0.0.0.0, port: 0 }\ninputs: { syslog: false }\n');
    const { status, stderr } = spillway('start', '--config', 'open.yaml', '--data', join(folder, 'open'));
    expect(stderr).toContain('spillway token create --tenant default --scope admin');
    expect(status).toBe(1);
  });
});

describe('tokens', () => {
  test.each([[['--scope', 'ingest', '-s', 'read']], [['--scope', 'ingest,read']]])(
    'may have several scopes: %j',
    (given) => {
      const created = spillway('token', 'create', ...given, '--data', join(folder, 'scopes'));
      expect(JSON.parse(created.stdout)).toMatchObject({ scopes: ['ingest', 'read'] });
    },
  );

  test('are created, listed without what would let one use them, and revoked', () => {
    const at = ['--data', join(folder, 'tokens')];
    const created = JSON.parse(
      spillway('token', 'create', '--tenant', 'shop', '--scope', 'ingest,read', '--name', 'web', ...at).stdout,
    );
    expect(created).toMatchObject({ tenant: 'shop', scopes: ['ingest', 'read'], name: 'web' });
    const listed = spillway('token', 'list', ...at).stdout;
    expect(JSON.parse(listed)).toMatchObject({ id: created.id, tenant: 'shop' });
    expect(listed).not.toContain(created.token);
    expect(spillway('token', 'revoke', created.id, ...at).status).toBe(0);
    expect(spillway('token', 'list', ...at).stdout).toBe('');
    expect(spillway('token', 'revoke', created.id, ...at).status).toBe(1);
  });
});

test('a reader that goes away ends it in silence', async () => {
  const child = spawn(process.execPath, [BIN, 'config', 'reference', '--json-schema'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const [code] = await once(child, 'close');
  expect(said).toBe('');
  expect(code).toBe(0);
});
