import { describe, expect, test } from 'vitest';
import { loadConfig } from '../config/load.ts';
import { DOCTOR_LIMITS, QUERY_LIMITS } from '../lib/limits.ts';
import { describeLogDirs } from '../queue/kafka/protocol.ts';
import type { Installation } from './check.ts';
import { judgeFolder, kafkaDisk } from './checks/kafka-disk.ts';
import { kafkaRights } from './checks/kafka-rights.ts';
import { judgeMemory } from './checks/memory.ts';
import { isPast, nodeFinding } from './checks/opensearch-disk.ts';
import { judgeSettings } from './checks/opensearch-settings.ts';
import { judgeDocuments } from './checks/opensearch-slices.ts';
import { CHECK_NAMES, CHECKS } from './checks.ts';
import { judgeClock } from './engine-clock.ts';
import { TooLate, within } from './finding.ts';
import type { KafkaProbe } from './kafka-probe.ts';

const refuse = () => Promise.reject(new Error('not asked'));
const installation = (overrides: object = {}): Installation => ({
  config: loadConfig({ env: {}, overrides: { ...overrides } }),
  role: undefined,
  token: undefined,
  holder: undefined,
  kafka: refuse,
  openSearch: refuse,
});
const states = (findings: readonly { readonly state: string }[]) => findings.map(({ state }) => state);

describe('a clock elsewhere', () => {
  const at = (thereMs: number) => judgeClock({ whose: 'it', beforeMs: 10_000_000, thereMs, afterMs: 10_000_400 });

  test('is right within the time that the question took, and a second', () => {
    expect(at(10_000_000).state).toBe('well');
    expect(at(10_000_400 + DOCTOR_LIMITS.clockWarningMs - 1).state).toBe('well');
    expect(at(10_000_000 - DOCTOR_LIMITS.clockWarningMs + 1).state).toBe('well');
  });

  test('is a warning from a second on, and wrong from a minute on, with which way', () => {
    expect(at(10_000_400 + DOCTOR_LIMITS.clockWarningMs)).toMatchObject({
      state: 'warning',
      found: 'the clock of it is 1.0 s ahead of this one',
    });
    expect(at(10_000_000 - DOCTOR_LIMITS.clockWrongMs)).toMatchObject({
      state: 'wrong',
      found: 'the clock of it is 60.0 s behind this one',
    });
  });
});

test("a broker's disk is a warning from 85 % on, wrong from 95 % on, and unknown where the broker does not say", () => {
  const of = (usableBytes: bigint, totalBytes = 1_000n) =>
    judgeFolder('k:9092', { logDir: '/kafka', totalBytes, usableBytes });
  expect(states([of(151n), of(150n), of(51n), of(50n), of(-1n, -1n)])).toEqual([
    'well',
    'warning',
    'warning',
    'wrong',
    'unknown',
  ]);
  expect(of(50n).found).toBe(
    'k:9092: 50 B of 1000 B free where /kafka is, 95 % used or kept for root: when it is full the broker ends',
  );
});

test('a broker that does not answer how full its disks are does not hide what the others say', async () => {
  const brokers = ['a', 'b', 'c'].map((host, nodeId) => ({ nodeId, host, port: 9092 }));
  const folder = { logDir: '/kafka', totalBytes: 100n, usableBytes: 1n };
  const answers: Readonly<Record<string, () => Promise<unknown>>> = {
    'a:9092': async () => ({ results: [folder] }),
    'b:9092': () => Promise.reject(new TooLate('b:9092 did not answer within 5 s')),
    'c:9092': () => Promise.reject(Object.assign(new Error('the connection was closed'), { code: 'PLT_KFK_NETWORK' })),
  };
  const probe = { ask: async () => ({ brokers }), askOne: (address: string) => answers[address]?.() };
  const findings = await kafkaDisk.examine({ ...installation(), kafka: async () => probe as unknown as KafkaProbe });
  expect(states(findings)).toEqual(['wrong', 'unknown', 'unknown']);
  expect(findings[1]).toMatchObject({ found: 'b:9092 did not answer within 5 s' });
});

test('a user that may not describe the cluster is told what does not work then, and how to mend it', async () => {
  const denied = Object.assign(new Error('no'), { apiId: 'CLUSTER_AUTHORIZATION_FAILED' });
  const ask = (api: unknown) => (api === describeLogDirs ? Promise.reject(denied) : Promise.resolve({ topics: [] }));
  const probe = { ask } as unknown as KafkaProbe;
  expect(await kafkaRights.examine({ ...installation(), kafka: async () => probe })).toMatchObject([
    {
      state: 'wrong',
      found: expect.stringContaining('queue.maxSize'),
      mend: expect.stringMatching(/--add --allow-principal User:ANONYMOUS --cluster --operation Describe$/),
    },
  ]);
});

describe('memory', () => {
  const seen = { bytes: DOCTOR_LIMITS.memoryBytes, isLimited: true, kills: 0 };

  test('is enough for the embedded search engine, or for roles without it', () => {
    expect(states(judgeMemory(installation(), seen))).toEqual(['well']);
    expect(states(judgeMemory(installation(), { ...seen, bytes: seen.bytes - 1 }))).toEqual(['warning']);
    const collector = { ...installation(), role: 'collector' } as const;
    const bytes = DOCTOR_LIMITS.memoryWithoutSearchBytes;
    expect(states(judgeMemory(collector, { ...seen, bytes }))).toEqual(['well']);
    expect(states(judgeMemory(collector, { ...seen, bytes: bytes - 1 }))).toEqual(['warning']);
    const few = { ...seen, bytes: DOCTOR_LIMITS.memoryLeastBytes - 1 };
    expect(states(judgeMemory(collector, few))).toEqual(['wrong']);
  });

  test('of a container is told from that of a machine, and kills are a warning', () => {
    const [limited] = judgeMemory(installation(), { ...seen, bytes: 1 });
    expect(limited).toMatchObject({ mend: expect.stringContaining('container') });
    const [whole] = judgeMemory(installation(), { bytes: 1, isLimited: false, kills: 0 });
    expect(whole).toMatchObject({ mend: expect.stringContaining('larger machine') });
    expect(states(judgeMemory(installation(), { ...seen, kills: 3 }))).toEqual(['well', 'warning']);
  });
});

test('watermarks are shares that are used, or sizes that are left', () => {
  const total = 1_000 * 1_024 ** 3;
  const free = 100 * 1_024 ** 3;
  expect(isPast('90%', free, total)).toBe(false);
  expect(isPast('89.5%', free, total)).toBe(true);
  expect(isPast('0.85', free, total)).toBe(true);
  expect(isPast('0.95', free, total)).toBe(false);
  expect(isPast('101gb', free, total)).toBe(true);
  expect(isPast('99gb', free, total)).toBe(false);
  expect(isPast('nonsense', free, total)).toBe(false);
});

test('the disk of a node of OpenSearch is as full as df says, and as its watermarks count it where they do otherwise', () => {
  const marks = { isOn: true, low: '85%', high: '90%', flood: '95%' };
  const of = (unused: number, free: number, isOn = true) => {
    const total = { total_in_bytes: 1_000, free_in_bytes: unused, available_in_bytes: free };
    return nodeFinding({ name: 'n', fs: { total } }, { ...marks, isOn });
  };
  expect(of(500, 500)).toEqual([{ state: 'well', found: 'n: 500 B free, 50 % used' }]);
  // 200 B are kept for root: 500 of the 800 that users may have are used.
  expect(of(500, 300)).toMatchObject([
    { state: 'well', found: 'n: 300 B free, 63 % used (70 % as its watermarks count it)' },
  ]);
  expect(of(500, 300, false)).toMatchObject([{ found: 'n: 300 B free, 63 % used (its watermarks are off)' }]);
  expect(of(240, 140)).toMatchObject([
    { state: 'warning', found: expect.stringContaining('84 % used (86 % as its watermarks count it): past its low') },
  ]);
});

test('a data folder that is a file, or lies where nothing can be made, has to be another one', async () => {
  const file = import.meta.filename;
  for (const data of [file, `${file}/below`, ...(process.platform === 'linux' ? ['/proc/no-such'] : [])]) {
    const [found] = await CHECKS['data-folder'].examine(installation({ data }));
    expect(found).toMatchObject({ state: 'wrong', mend: expect.stringContaining('option `data`') });
  }
});

test('settings of a cluster are judged as they hold, and taken back where they were set', () => {
  const { config } = installation();
  const judge = (settings: object) =>
    judgeSettings({ transient: {}, persistent: {}, defaults: {}, ...settings }, config);
  const clauses = 'indices.query.bool.max_clause_count';
  expect(states(judge({}))).toEqual(['well']);
  expect(states(judge({ persistent: { [clauses]: '10' }, transient: { [clauses]: '1024' } }))).toEqual(['well']);
  expect(states(judge({ defaults: { [clauses]: `${QUERY_LIMITS.nodes}` } }))).toEqual(['well']);
  expect(judge({ transient: { [clauses]: `${QUERY_LIMITS.nodes - 1}` } })).toMatchObject([
    { state: 'wrong', mend: `PUT /_cluster/settings {"transient": {"${clauses}": null}}` },
  ]);
  expect(judge({ defaults: { [clauses]: '10' } })).toMatchObject([
    { state: 'wrong', mend: expect.stringMatching(/opensearch\.yml.*\{"persistent": \{"indices[^}]*": "1024"\}\}$/) },
  ]);
  expect(states(judge({ defaults: { 'http.max_content_length': '4mb' } }))).toEqual(['well']);
  expect(judge({ defaults: { 'http.max_content_length': '64kb' } })).toMatchObject([
    { state: 'warning', found: expect.stringContaining('dead letter'), mend: expect.stringContaining('100mb') },
  ]);
});

test('only what is configured, and runs here, is looked at', () => {
  const applying = (of: Installation) => CHECK_NAMES.filter((name) => CHECKS[name].applies(of));
  expect(applying(installation()).filter((name) => /kafka|opensearch/.test(name))).toEqual([]);
  const far = installation({
    queue: { engine: 'kafka', brokers: ['k:9092'] },
    search: { engine: 'opensearch', nodes: ['http://o:9200'] },
  });
  expect(applying(far)).toEqual(CHECK_NAMES.filter((name) => name !== 'embedded-search'));
  const collector = applying({ ...far, role: 'collector' });
  expect(collector.filter((name) => name.startsWith('opensearch'))).toEqual([]);
  expect(collector).toContain('kafka-topics');
});

test('what goes to another machine in the clear is a warning', async () => {
  const encryption = async (overrides: object) => states(await CHECKS.encryption.examine(installation(overrides)));
  const kafka = { engine: 'kafka', brokers: ['10.0.0.1:9092'] };
  expect(await encryption({ queue: kafka })).toEqual(['warning']);
  expect(await encryption({ queue: { ...kafka, tls: { enabled: true } } })).toEqual(['well']);
  expect(await encryption({ queue: { ...kafka, brokers: ['127.0.0.1:9092', '[::1]:9092'] } })).toEqual(['well']);
  const search = (nodes: string[], tls: object = {}) => ({ search: { engine: 'opensearch', nodes, tls } });
  expect(await encryption(search(['http://10.0.0.1:9200']))).toEqual(['warning']);
  expect(await encryption(search(['http://127.0.0.1:9200']))).toEqual(['well']);
  expect(await encryption(search(['https://10.0.0.1:9200'], { verify: false }))).toEqual(['warning']);
});

test('a shard that is nearly full by its documents is a warning, and a full one is wrong', () => {
  const judged = (documents: number) =>
    states(
      judgeDocuments([
        { index: 'a', documents: 7 },
        { index: 'b', documents },
      ]),
    );
  expect(judged(1_600_000_000)).toEqual([]);
  expect(judged(1_800_000_000)).toEqual(['warning']);
  expect(judged(2_147_483_519)).toEqual(['wrong']);
});

test('work that does not end in time is given up', async () => {
  await expect(within(1, 'nothing came', new Promise(() => {}))).rejects.toThrow(TooLate);
  await expect(within(1_000, 'nothing came', Promise.resolve(7))).resolves.toBe(7);
});
