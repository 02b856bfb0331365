import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { SpillwayError } from '../lib/errors.ts';
import { CONFIG_LIMITS } from '../lib/limits.ts';
import { type LoadOptions, loadConfig, loadConfigWithSources } from './load.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = join(folder, 'spillway.yaml');
const at = { env: {}, workingDirectory: '/srv' };

function load(yaml: string, options: Partial<LoadOptions> = {}) {
  writeFileSync(file, yaml);
  return loadConfig({ ...at, file, ...options });
}

function problems(yaml: string, options: Partial<LoadOptions> = {}): string {
  try {
    load(yaml, options);
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error;
    expect(error.code).toBe('CONFIG_INVALID');
    return error.message.replaceAll(`${folder}/`, '');
  }
  return 'none';
}

describe('without a file', () => {
  const config = loadConfig({ ...at, workingDirectory: folder });

  test('all defaults hold', () => {
    expect(config).toMatchObject({
      site: 'local',
      data: join(folder, 'data'),
      http: { host: '127.0.0.1', port: 7514, names: [] },
      store: { host: '127.0.0.1', port: 7515 },
      inputs: { syslog: [{ host: '127.0.0.1', port: 5514, udp: true, tcp: true, tenant: 'default' }] },
      queue: { engine: 'embedded', partitions: 4, retentionMs: 7 * 86_400_000 },
      search: { engine: 'embedded', retentionMs: 30 * 86_400_000 },
      tenants: {},
    });
    expect(config.topology).toBeUndefined();
  });

  test('nobody can change it afterwards', () => {
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.inputs.syslog[0])).toBe(true);
  });

  test('a missing file that was named is an error', () => {
    expect(() => loadConfig({ ...at, file: join(folder, 'nowhere.yaml') })).toThrow(
      /nowhere\.yaml cannot be read.*--config/,
    );
  });

  test.each(['', '# nothing but a comment\n', 'http:\n'])('%j gives the defaults too', (yaml) => {
    expect(load(yaml).http.port).toBe(7514);
  });
});

describe('what is written', () => {
  test('durations and sizes become numbers with their unit in the name', () => {
    const config = load('queue: { retention: 1h30m, maxSize: 1.5GiB }\ntenants: { shop: { retention: 90d } }');
    expect(config.queue).toMatchObject({ retentionMs: 5_400_000, maxSizeBytes: 1_610_612_736 });
    expect(config.tenants.shop).toEqual({ retentionMs: 90 * 86_400_000 });
  });

  test('an input is switched by true or false, and takes one listener or several', () => {
    const syslog = (value: string) => load(`inputs: { syslog: ${value} }`).inputs.syslog;
    expect(syslog('true')).toHaveLength(1);
    expect(syslog('false')).toEqual([]);
    expect(syslog('{ port: 514, udp: false }')).toMatchObject([{ port: 514, udp: false, tcp: true }]);
    expect(syslog('[{ port: 514 }, { port: 515, tenant: shop }]')).toMatchObject([
      { port: 514, tenant: 'default' },
      { port: 515, tenant: 'shop' },
    ]);
  });

  test('stages keep members that only they know', () => {
    expect(load('topology: [{ stage: filter, when: a, drop: true }]').topology).toEqual([
      { stage: 'filter', when: 'a', drop: true },
    ]);
  });

  test('a relative data folder is relative to the working directory', () => {
    expect(load('data: logs').data).toBe('/srv/logs');
    expect(load('data: /var/lib/spillway').data).toBe('/var/lib/spillway');
  });
});

describe('layers', () => {
  test('the environment wins over the file, the command line over both, option by option', () => {
    const config = load('http: { host: 127.0.0.2, port: 1 }\ndata: a', {
      env: { SPILLWAY_HTTP_PORT: '2', SPILLWAY_DATA: 'b', SPILLWAY_QUEUE_MAX_SIZE: '5MiB' },
      overrides: { data: 'c' },
    });
    expect(config.http).toMatchObject({ host: '127.0.0.2', port: 2 });
    expect(config.data).toBe('/srv/c');
    expect(config.queue.maxSizeBytes).toBe(5_242_880);
  });

  test('a variable can hold a list', () => {
    const env = { SPILLWAY_INPUTS_SYSLOG: '[{port: 6514, tenant: shop}]', SPILLWAY_HTTP_NAMES: '[a.example]' };
    const config = load('inputs: { syslog: false }', { env });
    expect(config.inputs.syslog).toMatchObject([{ port: 6514, tenant: 'shop' }]);
    expect(config.http.names).toEqual(['a.example']);
  });

  test('a variable of a text option is taken as it is', () => {
    expect(load('', { env: { SPILLWAY_SITE: '42' } }).site).toBe('42');
  });

  test('a variable with a spelling mistake is refused with a suggestion', () => {
    expect(problems('', { env: { SPILLWAY_HTTP_PROT: '1' } })).toContain('Did you mean SPILLWAY_HTTP_PORT?');
  });

  test('what Kubernetes sets for a service named spillway is not ours', () => {
    const env = {
      SPILLWAY_SERVICE_HOST: '10.0.0.1',
      SPILLWAY_SERVICE_PORT_HTTP: '7514',
      SPILLWAY_PORT: 'tcp://10.0.0.1:7514',
      SPILLWAY_PORT_7514_TCP_ADDR: '10.0.0.1',
      SPILLWAY_STORE_PORT: 'tcp://10.0.0.2:7515',
    };
    expect(load('', { env }).store.port).toBe(7515);
  });

  test('each value knows where it was written', () => {
    writeFileSync(file, 'http:\n  port: 8080\n');
    const { written } = loadConfigWithSources({ ...at, file, env: { SPILLWAY_SITE: 'ams1' } });
    expect(written.get('http.port')).toEqual({ value: 8080, where: `${file}:2:9` });
    expect(written.get('site')?.where).toBe('environment SPILLWAY_SITE');
    expect(written.get('http.host')?.where).toBe('default');
  });
});

describe('secrets', () => {
  test('come from the environment and from files, without the last line break', () => {
    writeFileSync(join(folder, 'secret'), 'shop\n');
    const secret = `\${file:${join(folder, 'secret')}}`;
    expect(load(`inputs: { syslog: { tenant: "${secret}" } }`).inputs.syslog[0]?.tenant).toBe('shop');
    const config = load(`site: "x-\${env:NAME}"`, { env: { NAME: 'ams' } });
    expect(config.site).toBe('x-ams');
  });

  test('that are missing are named', () => {
    expect(problems(`site: "\${env:NOPE}"`)).toContain(
      'spillway.yaml:1:7: site: the environment variable NOPE is not set',
    );
    expect(problems(`site: "\${file:/nope}"`)).toContain('the secret file /nope cannot be read');
    expect(problems(`site: "\${vault:x}"`)).toContain(`Write \${env:NAME} or \${file:/path}`);
  });
});

describe('problems say where, what, and what to do', () => {
  test.each([
    ['http: { prot: 1 }', 'spillway.yaml:1:9: http.prot is not an option. Did you mean http.port?'],
    ['\nport: 1', 'spillway.yaml:2:1: port is not an option. Did you mean http.port?'],
    ['serach: {}', 'spillway.yaml:1:1: serach is not an option. Did you mean search?'],
    ['http: { zzz: 1 }', 'http.zzz is not an option. Options of http: host, port, names.'],
    ['http: { port: 65536 }', 'spillway.yaml:1:15: http.port is 65536, but must be a whole number from 0 to 65535.'],
    ['http: { port: "80" }', 'http.port is "80", but must be a whole number'],
    ['http: 7514', 'spillway.yaml:1:7: http is 7514, but must be a section with options.'],
    ['search: { retention: 30 days }', 'search.retention is "30 days", but must be a duration such as 30d'],
    ['search: { retention: 30 }', 'search.retention is 30, but must be a duration'],
    ['queue: { maxSize: 10 }', 'queue.maxSize is 10, but must be a size such as 64MiB'],
    ['log: { level: inf }', 'log.level is "inf", but must be one of debug, info, warn, error. Did you mean info?'],
    ['site: A', 'site is "A", but must be a name of lower-case letters'],
    ['tenants: { "a b": {} }', 'tenants.a b is not a possible name'],
    ['inputs: { syslog: maybe }', 'must be true, false, an object or a list of objects'],
    ['inputs: { syslog: [{ tennant: a }] }', 'Did you mean inputs.syslog.0.tenant?'],
    ['queue: { brokers: ["a"] }', 'must be a broker as HOST:PORT'],
    ['queue: { sasl: { mechanism: PLAIN } }', 'queue.sasl.mechanism is "PLAIN", but must be one of SCRAM-SHA-512'],
    ['search: { nodes: [http://me:secret@a:9200] }', 'without a name or password'],
    ['search: { tls: { cert: a.pem } }', 'A certificate of our own for OpenSearch is not there yet'],
    ['topology: [{ when: a }]', 'topology.0 needs `stage`'],
    ['__proto__: { port: 1 }', '__proto__ is not an option.'],
    ['- a', 'the file must hold options'],
    ['http: [', 'this is not YAML'],
    ['a: 1\na: 2', 'this is not YAML'],
    ['a: &x 1\nb: *x', 'aliases are not supported'],
  ])('%j', (yaml, message) => expect(problems(yaml)).toContain(message));

  test.each([
    ['search: { tiers: [] }', 'needs a tier for everyone'],
    ['search: { tiers: [{ name: a, own: true }] }', 'the first tier (a) is for everyone'],
    ['search: { tiers: [{ name: a, events: 5 }] }', 'the first tier (a) is for everyone'],
    ['search: { tiers: [{ name: a, slice: 90m }] }', 'search.tiers.0.slice must be whole hours, from 1h to 7d'],
    ['search: { tiers: [{ name: a, slice: 8d }] }', 'whole hours, from 1h to 7d'],
    ['search: { tiers: [{ name: a }, { name: a }] }', 'search.tiers.1.name is a, as of another tier'],
    [
      'search: { tiers: [{ name: a }, { name: b, events: 9 }, { name: c, events: 8 }] }',
      'from the smallest to the largest',
    ],
    [
      'search: { tiers: [{ name: a }, { name: b, volume: 9MB }, { name: c, volume: 8MB }] }',
      'search.tiers.2.volume is less',
    ],
    ['tenants: { shop: { tier: huge } }', 'tenants.shop.tier is huge, which is no tier. Tiers: shared, own, large'],
    [
      `tenants: { ${Array.from({ length: 65 }, (_, i) => `t${i}: { tier: own }`).join(', ')} }`,
      '65 tenants are put into tiers with slices of their own, but at most 64 can be',
    ],
  ])('tiers that cannot be are refused: %s', (yaml, message) => expect(problems(yaml)).toContain(message));

  test.each([
    [
      'queue: { sasl: { username: u, password: 20261126 } }',
      'queue.sasl.password is a number that is not shown, but must',
    ],
    ['search: { password: { a: 20261126 } }', 'search.password is a section, but must'],
    ['search: { password: [20261126] }', 'search.password is a list, but must'],
    [`search: { password: "a\${20261126}" }`, `search.password: what stands there in braces is not known`],
    ['queue: { sasl: "u:20261126" }', 'queue.sasl is text that is not shown, but must be a section'],
    ['search: "20261126"', 'search is text that is not shown, but must be a section'],
    ['search: { nodes: ["https://u:2026@1126/20261126@h:9200"] }', 'is "https://(hidden)@h:9200", but must'],
    ['search: { nodes: "https://u:20261126@h:9200" }', 'is "https://(hidden)@h:9200", but must be a list'],
    ['queue: { brokers: ["u:20261126@h:9092x"] }', 'is "(hidden)@h:9092x", but must'],
    ['http: { host: "http://20261126@h" }', 'is "http://(hidden)@h", but must'],
  ])('without a secret, or who logs in at an address: %s', (yaml, message) => {
    expect(problems(yaml)).toContain(message);
    expect(problems(yaml)).not.toContain('20261126');
    expect(problems(yaml)).not.toContain('1126');
  });

  test('so it is in the environment', () => {
    const env = { SPILLWAY_SEARCH_NODES: '["https://u:hunter2@h:9200"]', SPILLWAY_QUEUE_SASL_PASSWORD: '' };
    expect(problems('', { env })).toContain('https://(hidden)@h:9200');
    expect(problems('', { env })).not.toContain('hunter2');
    const tooLong = { SPILLWAY_SEARCH_PASSWORD: 'hunter2'.repeat(2_000) };
    expect(problems('', { env: tooLong })).toContain(
      'is text that is not shown, but must be text of 1 to 10000 characters',
    );
    expect(problems('', { env: tooLong })).not.toContain('hunter2');
  });

  test('a secret that cannot be read is one problem, and no second one about what stands there', () => {
    const said = problems(
      `queue: { engine: kafka, brokers: ["k:9092"], sasl: { username: u, password: "\${file:/nope}" } }`,
    );
    expect(said).toContain('queue.sasl.password: the secret file /nope cannot be read');
    expect(said).toContain('has a problem');
  });

  test('tiers of a cluster may say where their slices lie', () => {
    const tiers =
      '[{ name: a }, { name: b, events: 9, own: true, slice: 1h, storage: { replicas: 0, nodes: { box: hot } } }]';
    const yaml = `search: { engine: opensearch, nodes: [http://a:9200], tiers: ${tiers} }\ntenants: { shop: { tier: b } }`;
    const storage = { replicas: 0, nodes: { box: 'hot' } };
    expect(load(yaml).search.tiers[1]).toEqual({ name: 'b', events: 9, own: true, sliceMs: 3_600_000, storage });
  });

  test('an engine of a later version is refused plainly, without a complaint about its own options', () => {
    expect(problems('events: { engine: cassandra }')).toContain('is not there yet');
    expect(problems('inputs: { gelf: true }')).toContain('gelf is not there yet');
  });

  test('all of them are said at once, in the order of the file', () => {
    expect(problems('site: A\nhttp: { port: x }\nlog: { level: y }').split('\n')).toHaveLength(4);
  });

  test('a file at the limit is read, a longer one is refused', () => {
    const full = `#${'x'.repeat(CONFIG_LIMITS.fileBytes - 1)}`;
    expect(problems(full)).toBe('none');
    expect(problems(`${full}x`)).toContain('Is it the right file?');
  });

  test('nesting at the limit is read, deeper is refused', () => {
    const nested = (depth: number) => `topology: [{ stage: x, a: ${'['.repeat(depth)}${']'.repeat(depth)} }]`;
    expect(problems(nested(CONFIG_LIMITS.depth - 3))).toBe('none');
    expect(problems(nested(CONFIG_LIMITS.depth))).toContain('nested too deeply');
  });
});
