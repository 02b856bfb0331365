/**
 * Several collectors, processors and stores, each a process tree with its own data folder, on one Kafka and one OpenSearch.
 * They are killed, added and removed under load: what was acknowledged is found exactly once, in the order of its source,
 * and the ledger is that of all, the same in each tree.
 */
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LedgerReport, TopicsAnswer } from '../../src/api/schemas/index.ts';
import type { AnsweredEvent } from '../../src/event/event.ts';
import { lacksKafka, startKafka, type TestKafka } from '../support/kafka.ts';
import { lacks } from '../support/needs.ts';
import { HttpSender, type Numbered, SyslogSender } from '../support/retrying-senders.ts';
import { type RoleInfo, SpillwayProcess, until } from '../support/spillway.ts';

const LONG_MS = 600_000;
const suite = 'several of each role';
const node = process.env.SPILLWAY_TEST_OPENSEARCH ?? '';
const isLacking = lacks(suite, { server: 'SPILLWAY_TEST_OPENSEARCH' }) || lacksKafka(suite, { own: true });
/** How soon Kafka takes a member of a group for dead that was killed: 45 s by itself. */
const KAFKA = { 'group.consumer.min.session.timeout.ms': '10000', 'group.consumer.session.timeout.ms': '10000' };

describe.skipIf(isLacking)(suite, () => {
  const run = randomBytes(4).toString('hex');
  const trees = new Map<string, SpillwayProcess>();
  const folders: SpillwayProcess[] = [];
  let kafka: TestKafka;
  let config: Record<string, unknown>;

  beforeAll(async () => {
    kafka = await startKafka({ own: true, settings: KAFKA });
    const { brokers } = kafka;
    config = {
      queue: { engine: 'kafka', brokers, replication: 1, minInsyncReplicas: 1, partitions: 4 },
      search: { engine: 'opensearch', nodes: [node], index: { prefix: `scale-${run}`, replicas: 0, refresh: '200ms' } },
    };
  }, LONG_MS);

  afterAll(async () => {
    await Promise.all([...new Set([...folders, ...trees.values()])].map((tree) => tree.dispose()));
    await kafka?.stop();
    await fetch(`${node}/scale-${run}-slice-*`, { method: 'DELETE' });
    await fetch(`${node}/_index_template/scale-${run}*`, { method: 'DELETE' });
  }, LONG_MS);

  const began = performance.now();
  const say = (what: string) => console.info(`${((performance.now() - began) / 1_000).toFixed(1)} s: ${what}`);

  async function add(name: string, role: RoleInfo['role'], folder?: string): Promise<SpillwayProcess> {
    const options = { config, role, readyMs: LONG_MS, ...(folder === undefined ? {} : { folder }) };
    const tree = await SpillwayProcess.start(options);
    trees.set(name, tree);
    folders.push(tree);
    return tree;
  }

  function take(name: string): SpillwayProcess {
    const tree = trees.get(name);
    if (tree === undefined) throw new Error(`there is no ${name}`);
    trees.delete(name);
    return tree;
  }

  /** What a name server would tell: who is there, also if that died just now. */
  const portsOf = (what: string) =>
    [...trees].flatMap(([name, tree]) => (name.startsWith('collector') ? [tree.port(what)] : []));

  const count = async (store: string) => {
    const answer = await trees.get(store)?.json<{ count: number }>('/api/count?q=*&from=now-1d&to=now%2B1d');
    return answer?.count ?? 0;
  };

  /** As each tree with a front door answers, without when it did. */
  async function ledgers(by: string): Promise<readonly Omit<LedgerReport, 'from' | 'to' | 'asOf'>[]> {
    const collectors = [...trees].filter(([name]) => name.startsWith('collector'));
    return Promise.all(
      collectors.map(async ([, tree]) => {
        const path = `/api/ledger?from=now-1d&to=now%2B1d&limit=10000${by}`;
        const { from: _, to: __, asOf: ___, ...report } = await tree.json<LedgerReport>(path);
        return report;
      }),
    );
  }

  /** Once all agree, line by line, and say that nothing is missing; throws until then, for `until()`. */
  async function oneLedger(found: number): Promise<{ readonly repeated: number }> {
    const [first, ...others] = await ledgers('&by=minute,tenant,partition');
    const records = await recordsOfRaw();
    const said = JSON.stringify([records, found, first?.total, first?.missing, others.map(({ total }) => total)]);
    if (first === undefined || others.length === 0) throw new Error(`too few were asked: ${said}`);
    if (!others.every((other) => isDeepStrictEqual(other, first))) throw new Error(`they differ: ${said}`);
    const { total, complete, missing } = first;
    const isExact = total.accepted === records && total.written === found && total.deadLettered === 0;
    if (complete !== true || missing?.length !== 0 || !isExact || total.inFlight !== 0) throw new Error(said);
    for (const { inFlight } of first.lines) if (inFlight !== 0) throw new Error(`a line is not at rest: ${said}`);
    return { repeated: total.dropped };
  }

  /** As Kafka has them: nothing of `raw` is removed in the time of the test. */
  async function recordsOfRaw(): Promise<number> {
    const [tree] = [...trees].flatMap(([name, one]) => (name.startsWith('collector') ? [one] : []));
    const answer = await tree?.json<TopicsAnswer>('/api/topics');
    const partitions = answer?.topics.find(({ topic }) => topic === 'raw')?.partitions ?? [];
    return partitions.reduce((sum, { endOffset }) => sum + endOffset, 0);
  }

  it(
    'are killed, added and removed under load, and everything is found exactly once and in order',
    async () => {
      for (const role of ['collector', 'processor', 'store'] as const) {
        await Promise.all([add(`${role} 1`, role), add(`${role} 2`, role)]);
      }
      say('two of each run');
      // As a sender does that got no answer from the first one.
      for (const port of portsOf('http')) {
        const headers = { 'idempotency-key': 'twice' };
        const answer = await fetch(`http://127.0.0.1:${port}/api/logs?app=twice`, {
          method: 'POST',
          headers,
          body: '0',
        });
        expect(await answer.json()).toEqual({ accepted: 1, deadLettered: 0 });
      }

      const http = Array.from({ length: 6 }, (_, i) => {
        const options = { name: `http-${i}`, eventsPerRequest: 20, pauseMs: 100 };
        return new HttpSender({ ...options, ports: () => portsOf('http') });
      });
      const syslog = Array.from({ length: 4 }, (_, i) => {
        const options = { name: `tcp-${i}`, linesPerConnection: 300, pauseMs: 10 };
        return new SyslogSender({ ...options, ports: () => portsOf('syslog TCP') });
      });
      const accounts = (): readonly Numbered[] => [
        { source: 'twice', sent: 1, certain: 1 },
        ...http.map(({ account }) => account),
        ...syslog.flatMap((sender) => sender.accounts),
      ];
      const sum = (of: 'sent' | 'certain') => accounts().reduce((total, account) => total + account[of], 0);
      const more = (by: number) => {
        const from = sum('sent');
        return until(`${by} more are sent`, async () => sum('sent') >= from + by, 120_000);
      };

      await until('the stores share what they get', async () => (await count('store 1')) > 500, 120_000);
      say(`${sum('sent')} are sent`);

      const dead = ['collector 1', 'processor 1', 'store 1'].map((name) => trees.get(name));
      await Promise.all(dead.map((tree) => tree?.killAll()));
      say('one of each is killed');
      await more(1_000);
      const [deadCollector] = ['collector 1', 'processor 1', 'store 1'].map(take);

      for (const role of ['collector', 'processor', 'store'] as const) await add(`${role} 3`, role);
      say('a third of each is there');
      await more(1_000);
      const certain = sum('certain');
      for (const store of ['store 2', 'store 3']) {
        await until(`${store} finds what all have inserted`, async () => (await count(store)) >= certain, 240_000);
      }
      say('both stores find what was acknowledged');

      // A collector that stops is taken from the name server first.
      for (const name of ['collector 2', 'processor 2', 'store 2']) {
        expect(await take(name).stop(), name).toBe(0);
        await more(500);
      }
      say('the second of each is removed');

      // What it had kept for Kafka, it has still.
      await add('collector 1', 'collector', deadCollector?.folder);
      await more(500);
      await Promise.all([...http, ...syslog].map((sender) => sender.stop()));
      say(
        `${sum('certain')} of ${sum('sent')} are certain; ${http.reduce((n, { retried }) => n + retried, 0)} requests were retried`,
      );

      const found = await until(
        'everything is found',
        async () => {
          const events = await allEvents(trees.get('store 3'));
          return events.length >= sum('certain') ? events : undefined;
        },
        240_000,
      );
      say(`${found.length} are found`);
      const bySource = Map.groupBy(found, ({ metadata }) =>
        String(metadata.app === 'app' ? metadata.host : metadata.app),
      );
      for (const { source, sent, certain: least } of accounts()) {
        const own = bySource.get(source) ?? [];
        bySource.delete(source);
        const numbers = own.toSorted(inOrder).map(({ message }) => Number(message));
        // Each once, in order, from the first one on.
        expect(numbers, source).toEqual(numbers.map((_, i) => i));
        expect(numbers.length, source).toBeGreaterThanOrEqual(least);
        expect(numbers.length, source).toBeLessThanOrEqual(sent);
        expect(new Set(own.map(({ id }) => partitionOf(id))).size, source).toBeLessThanOrEqual(1);
      }
      expect([...bySource.keys()], 'what nobody sent').toEqual([]);

      // Every tree with a front door is asked: one that was added, and one that was killed and started again.
      const total = await until(
        'the ledger is exact, and the same in all trees',
        () => oneLedger(found.length),
        120_000,
      );
      const { repeated } = total;
      expect(repeated, 'attempts of the request that went to both').toBeGreaterThanOrEqual(1);
      say(`the ledger has ${found.length} written, ${repeated} dropped`);

      // With the store and the processor gone, what is accepted is in flight, and the others say so.
      expect(await take('store 3').stop()).toBe(0);
      const late = await fetch(`http://127.0.0.1:${trees.get('collector 1')?.port('http')}/api/logs?app=late`, {
        method: 'POST',
        body: '0\n1\n2',
      });
      expect(await late.json()).toMatchObject({ accepted: 3 });
      await until(
        'what nobody has written is in flight',
        async () => {
          const reports = await ledgers('');
          return reports.every(({ total: { inFlight }, complete }) => complete === true && inFlight === 3) || undefined;
        },
        120_000,
      );
      // A tree that is added, on a folder that knows nothing, has the account of all.
      await add('collector 4', 'collector');
      await until(
        'a tree that is added has the same ledger',
        async () => {
          const [first, ...others] = await ledgers('&by=minute,tenant,partition');
          return others.length === 2 && others.every((other) => isDeepStrictEqual(other, first)) ? true : undefined;
        },
        120_000,
      );
      for (const [name, tree] of trees) expect(await tree.stop(), name).toBe(0);
      say('all have ended');
    },
    LONG_MS,
  );
});

const placeOf = (id: string) => id.split('.').slice(2).map(Number);
const partitionOf = (id: string) => placeOf(id)[0];

function inOrder(a: AnsweredEvent, b: AnsweredEvent): number {
  const [, offsetA = 0] = placeOf(a.id);
  const [, offsetB = 0] = placeOf(b.id);
  return offsetA - offsetB;
}

async function allEvents(store: SpillwayProcess | undefined): Promise<readonly AnsweredEvent[]> {
  const found: AnsweredEvent[] = [];
  for (let after = ''; ; ) {
    const path = `/api/search?q=*&from=now-1d&to=now%2B1d&limit=1000&order=asc${after}`;
    const page = await store?.json<{ events: AnsweredEvent[]; next?: string }>(path);
    found.push(...(page?.events ?? []));
    if (page?.next === undefined) return found;
    after = `&after=${encodeURIComponent(page.next)}`;
  }
}
