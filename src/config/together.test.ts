import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TSchema } from 'typebox';
import { afterAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { SpillwayError } from '../lib/errors.ts';
import { variableOf, variables } from './environment.ts';
import { type LoadOptions, loadConfig } from './load.ts';
import { ConfigSchema } from './schema.ts';
import { entriesOf, propertiesOf, shapeOf } from './shape.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-together-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'spillway.yaml');

function problems(yaml: string, options: Partial<LoadOptions> = {}): string {
  writeFileSync(file, yaml);
  try {
    loadConfig({ env: {}, file, ...options });
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error;
    expect(error.code).toBe('CONFIG_INVALID');
    return error.message.replaceAll(`${folder}/`, '');
  }
  return 'none';
}

type Path = readonly string[];

interface Option {
  /** Through lists and maps too: `search.tiers.1.storage.nodes.box`. */
  readonly path: Path;
  readonly schema: TSchema;
  readonly engine: string | undefined;
}

/** Every option of a section, also of the entries of lists and maps in it. */
function optionsIn(schema: TSchema, path: Path, engine?: string): Option[] {
  const inner = propertiesOf(schema);
  const entries = entriesOf(schema);
  if (inner.length > 0) {
    return inner.flatMap(([name, option]) => optionsIn(option, [...path, name], shapeOf(option)['x-engine'] ?? engine));
  }
  if (entries !== undefined && propertiesOf(entries).length > 0) return optionsIn(entries, [...path, '0'], engine);
  return [{ path, schema, engine }];
}

/** Something that may be written for it: the default too, which is then asked for. */
function valueFor(schema: TSchema): unknown {
  const { default: usual, examples = [], type, minimum, patternProperties } = shapeOf(schema);
  if (examples.length > 0) return String(examples[0]).startsWith('$') ? 'secret' : examples[0];
  if (type === 'boolean') return true;
  if (patternProperties !== undefined) return { box: 'hot' };
  return usual ?? (type === 'integer' ? (minimum ?? 1) : 'text');
}

/** As the file has it. An entry of a list gets the name that it needs. */
function written(path: Path, value: unknown): Record<string, unknown> {
  const [name = '', ...rest] = path;
  if (rest.length === 0) return { [name]: value };
  if (rest[0] === '0') return { [name]: [{ name: 'first', ...written(rest.slice(1), value) }] };
  return { [name]: written(rest, value) };
}

const SECTIONS = propertiesOf(ConfigSchema).filter(([, section]) => propertiesOf(section)[0]?.[0] === 'engine');
const enginesOf = (section: TSchema): readonly string[] =>
  shapeOf(shapeOf(section).properties?.engine ?? section).enum ?? [];
const OPTIONS = SECTIONS.flatMap(([name, section]) =>
  optionsIn(section, [name]).map((option) => ({ ...option, name, engines: enginesOf(section) })),
);
const OWNED = OPTIONS.flatMap(({ engine, engines, ...option }) =>
  engine === undefined
    ? []
    : engines
        .filter((other) => other !== engine)
        .map((other) => [option.path.join('.'), other, { ...option, engine }] as const),
);
/** What an engine cannot do without, and whatever goes together with any of its options. */
const WHOLE: Record<string, Record<string, unknown>> = {
  kafka: {
    brokers: ['k:9092'],
    tls: { enabled: true, cert: 'c', key: 'k' },
    sasl: { username: 'me', password: 'secret' },
  },
  opensearch: { nodes: ['https://o:9200'], username: 'me', password: 'secret' },
};
const NEEDED: Record<string, Record<string, unknown>> = {
  kafka: { brokers: ['k:9092'] },
  opensearch: { nodes: ['https://o:9200'] },
};

function merged(lower: unknown, upper: unknown): unknown {
  if (!isPlain(lower) || !isPlain(upper)) return upper;
  const both = Object.entries(upper).map(([name, value]) => [
    name,
    Object.hasOwn(lower, name) ? merged(Reflect.get(lower, name), value) : value,
  ]);
  return { ...lower, ...Object.fromEntries(both) };
}

const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

describe('every option of one engine', () => {
  test('is known as such: only these mean the same with every engine', () => {
    const shared = OPTIONS.filter(({ engine }) => engine === undefined).map(({ path }) => path.join('.'));
    expect(shared).toEqual([
      'queue.engine',
      ...['partitions', 'retention', 'maxSize', 'highWater', 'minFree'].map((name) => `queue.${name}`),
      ...['engine', 'retention'].map((name) => `search.${name}`),
      ...['name', 'events', 'volume', 'slice', 'own'].map((name) => `search.tiers.0.${name}`),
    ]);
    for (const [, section] of SECTIONS) {
      const owners = optionsIn(section, []).flatMap(({ engine }) => engine ?? []);
      expect(enginesOf(section)).toEqual(expect.arrayContaining(owners));
    }
    expect(OWNED.length).toBeGreaterThan(20);
  });

  test.each(OWNED)('%s is refused with %s, wherever it is set', (option, other, { path, schema, engine, name }) => {
    const value = valueFor(schema);
    const said = (where: string, engineAt: string) =>
      `${where}: ${option} is of the engine ${engine}, but ${name}.engine is ${other} (${engineAt}). ` +
      `Set ${name}.engine: ${engine}, or remove ${option}.`;
    const chosen = `${name}: { engine: ${other} }`;
    const engineAt = `spillway.yaml:1:${name.length + 13}`;
    expect(problems(chosen, { overrides: written(path, value) })).toContain(said('command line', engineAt));

    const inFile = stringify(merged({ [name]: { engine: other } }, written(path, value)));
    const places = /\n {2}(spillway\.yaml:\d+:\d+): (\S+) is of the engine/.exec(problems(inFile));
    expect(places?.[2]).toBe(option);

    const variable = [...variables(ConfigSchema).values()].find((of) => option.startsWith(of.path.join('.')));
    if (variable === undefined) throw new Error(`${option} has no variable`);
    const text = variable.path.reduce((inner: unknown, part) => Reflect.get(Object(inner), part), written(path, value));
    const env = { [variableOf(variable.path)]: typeof text === 'string' ? text : JSON.stringify(text) };
    expect(problems(chosen, { env })).toContain(said(`environment ${variableOf(variable.path)}`, engineAt));
  });

  test.each(OWNED)('%s is taken with its own (and not with %s)', (_, __, { path, schema, engine, name }) => {
    const whole = merged({ [name]: { engine, ...WHOLE[engine] } }, written(path, valueFor(schema)));
    expect(problems(stringify(whole))).toBe('none');
  });

  test('is not asked for by its default, nor by an empty section', () => {
    expect(problems('queue: { tls: {}, sasl: }\nsearch: { index: {} }')).toBe('none');
    for (const [name, section] of SECTIONS) {
      for (const engine of enginesOf(section)) {
        expect(problems(stringify({ [name]: { engine, ...NEEDED[engine] } }))).toBe('none');
      }
    }
  });

  test('is said together with everything else that is wrong, each at its place', () => {
    const yaml = 'queue:\n  replication: 3\n  minInsyncReplicas: 2\n  prefix: a.\nhttp: { prot: 1 }';
    const lines = problems(yaml, { env: { SPILLWAY_QUEUE_ENGINE: 'embedded' } }).split('\n');
    expect(lines).toEqual([
      'The configuration has 4 problems:',
      expect.stringContaining(
        'spillway.yaml:2:16: queue.replication is of the engine kafka, but queue.engine is embedded',
      ),
      expect.stringContaining('spillway.yaml:3:22: queue.minInsyncReplicas is of the engine kafka'),
      expect.stringContaining('(environment SPILLWAY_QUEUE_ENGINE). Set queue.engine: kafka, or remove queue.prefix.'),
      expect.stringContaining('spillway.yaml:5:9: http.prot is not an option'),
    ]);
  });

  test('is the only complaint about it, once for a list, where the engine is the default', () => {
    expect(problems('search: { nodes: [http://a:9200, http://b:9200], password: x }').split('\n')).toEqual([
      'The configuration has 2 problems:',
      '  spillway.yaml:1:19: search.nodes is of the engine opensearch, but search.engine is embedded (the default). ' +
        'Set search.engine: opensearch, or remove search.nodes.',
      expect.stringContaining('spillway.yaml:1:60: search.password is of the engine opensearch'),
    ]);
  });

  test('is refused for that also where it is wrong by itself', () => {
    const said = problems(`search: { password: "\${env:NOPE}" }\nqueue: { brokers: "a:1" }`);
    expect(said).toContain('the environment variable NOPE is not set');
    expect(said).toContain('spillway.yaml:1:21: search.password is of the engine opensearch');
    expect(said).toContain('spillway.yaml:2:19: queue.brokers is of the engine kafka');
  });

  test('is not judged while the engine itself is none', () => {
    expect(problems('queue: { engine: kafak, replication: 1 }')).not.toContain('is of the engine');
  });
});

describe('what means nothing alone is refused, where it is set', () => {
  const kafka = (more: string) => `queue: { engine: kafka, brokers: ["a:1"], ${more} }`;
  const opensearch = (more: string, node = 'https://a:9200') =>
    `search: { engine: opensearch, nodes: [${node}], ${more} }`;

  test.each([
    ['queue: { engine: kafka }', '1:18: queue.engine is kafka, which needs queue.brokers, such as ["10.0.0.1:9092"'],
    ['search: { engine: opensearch, nodes: [] }', '1:19: search.engine is opensearch, which needs search.nodes'],
    [kafka('replication: 1'), '1:56: queue.minInsyncReplicas is 2, but there is only 1 replica'],
    [kafka('minInsyncReplicas: 4'), '1:62: queue.minInsyncReplicas is 4, but there are only 3 replicas'],
    [kafka('sasl: { username: a }'), '1:61: queue.sasl.username is set without queue.sasl.password.'],
    [kafka('sasl: { password: a }'), '1:61: queue.sasl.password is set without queue.sasl.username.'],
    [kafka('sasl: { mechanism: SCRAM-SHA-256 }'), 'queue.sasl.mechanism is set without queue.sasl.username.'],
    [kafka('tls: { enabled: true, key: k }'), 'queue.tls.key is set without queue.tls.cert.'],
    [kafka('tls: { enabled: true, cert: k }'), 'queue.tls.cert is set without queue.tls.key.'],
    [
      kafka('tls: { ca: a }'),
      'queue.tls.ca is set without queue.tls.enabled: true. Set that too, or remove queue.tls.ca.',
    ],
    [kafka('tls: { enabled: false, ca: a }'), 'queue.tls.ca is set without queue.tls.enabled: true.'],
    [opensearch('username: a'), '1:66: search.username is set without search.password. Set that too, or remove'],
    [opensearch('password: a'), '1:66: search.password is set without search.username.'],
    [opensearch('password: "", username: a'), 'search.password is empty, but must be text of 1 to'],
    [
      opensearch('tls: { ca: a }', 'http://a:9200'),
      '1:66: search.tls.ca is set, but no node of search.nodes is of https:',
    ],
  ])('%s', (yaml, message) => expect(problems(yaml)).toContain(message));

  test('with its place also from the environment', () => {
    const env = { SPILLWAY_SEARCH_PASSWORD: 'a' };
    const yaml = 'search: { engine: opensearch, nodes: [https://a:9200] }';
    expect(problems(yaml, { env })).toContain('environment SPILLWAY_SEARCH_PASSWORD: search.password is set without');
    expect(problems('', { env: { SPILLWAY_QUEUE_ENGINE: 'kafka' } })).toContain(
      'environment SPILLWAY_QUEUE_ENGINE: queue.engine is kafka, which needs queue.brokers',
    );
  });

  test('and one line and its servers are enough for an engine', () => {
    expect(problems('queue: { engine: kafka, brokers: ["10.0.0.1:9092", "[::1]:9092"] }')).toBe('none');
    expect(
      problems('search: { engine: opensearch, nodes: [http://a:9200, https://b:9200], tls: { verify: false } }'),
    ).toBe('none');
  });
});
