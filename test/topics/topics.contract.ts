/**
 * What users may rely on of topics and groups over HTTP, the same on every engine of the queue: on a real Spillway that
 * is stopped, started and killed, and without a store.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Produced, RecordsAnswer, TopicAnswer } from '../../src/api/schemas/index.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';
import { type Member, TopicClient } from '../support/topic-client.ts';

const LONG_MS = 120_000;
const SCRIPT = 'test/support/start-collector.ts';

export interface TopicsEngine {
  /** The queue of the configuration. */
  readonly queue: Readonly<Record<string, unknown>>;
  readonly stop: () => Promise<void>;
}

export function topicsContract(engine: string, start: () => Promise<TopicsEngine>): void {
  describe(`topics over HTTP on ${engine}`, () => {
    let opened: TopicsEngine;
    let spillway: SpillwayProcess;
    const client = new TopicClient(() => spillway.url);
    beforeAll(async () => {
      opened = await start();
      spillway = await SpillwayProcess.start({ config: { queue: opened.queue }, script: SCRIPT });
    }, 180_000);
    afterAll(async () => {
      await spillway?.dispose();
      await opened?.stop();
    }, LONG_MS);

    const restart = async () => {
      expect(await spillway.stop()).toBe(0);
      spillway = await SpillwayProcess.start({
        config: { queue: opened.queue },
        script: SCRIPT,
        folder: spillway.folder,
      });
    };
    const read = (topic: string, query: string) =>
      client.json<RecordsAnswer>('GET', `/api/topics/${topic}/records?${query}`);
    const numbered = (count: number, from = 0) =>
      Array.from({ length: count }, (_, i) => ({ key: `k${(from + i) % 17}`, value: from + i }));

    it('records are read back as they were sent, by offset and by time, and awaited', async () => {
      await client.create('plain', { partitions: 2 });
      const exact = '{"n": 12345678901234567890123, "b":1,"a":[ ]}';
      const body = `[{"partition":1,"key":"é","value":${exact},"headers":{"trace":"7"}},
        {"partition":1,"value":"line\\n","encoding":"text"},{"partition":1,"value":"/wD+","encoding":"base64"}]`;
      const produced = await client.produce('plain', body, { 'content-type': 'application/json' });
      expect(produced.records).toEqual([0, 1, 2].map((offset) => ({ partition: 1, offset })));
      const found = await read('plain', 'partition=1');
      expect(found).toMatchObject({ topic: 'plain', next: 3, endOffset: 3 });
      expect(found.records).toMatchObject([
        { offset: 0, key: 'é', value: exact, headers: { trace: '7' }, encoding: 'text' },
        { offset: 1, value: 'line\n', encoding: 'text' },
        { offset: 2, value: '/wD+', encoding: 'base64' },
      ]);
      await until('the clock has moved on', async () => Date.now() > Date.parse(found.records[2]?.timestamp ?? ''));
      const sinceMs = Date.now();
      const waiting = read('plain', 'partition=1&offset=3&wait=20s');
      await client.json('POST', '/api/topics/plain/records?partition=1', 'awaited');
      expect((await waiting).records).toMatchObject([{ offset: 3, value: 'awaited' }]);
      expect((await read('plain', `partition=1&time=${sinceMs}`)).records).toMatchObject([{ value: 'awaited' }]);
      expect(await read('plain', 'partition=1&offset=4&wait=100ms')).toMatchObject({ records: [], next: 4 });
    });

    it('bytes, tombstones and keys of any kind come back as they were sent, and may be sent on as they came', async () => {
      await client.create('bytes', { partitions: 3 });
      const sent = `[{"key":"gP8=","keyEncoding":"base64","value":null},
        {"key":"gP8=","keyEncoding":"base64","value":"AAEC/w==","encoding":"base64"},
        {"key":{"id": 1.0},"keyEncoding":"json","value":null},{"key":"gP8=","value":"","encoding":"text"},
        {"key":"","value":"null","encoding":"text"},{"value":null,"partition":1}]`;
      const { records: places } = await client.produce('bytes', sent, { 'content-type': 'application/json' });
      // The same key, by the address.
      const body = Buffer.from([0, 0xff]);
      const query = '?key=gP8&keyEncoding=base64';
      const one = await client.json<Produced>('POST', `/api/topics/bytes/records${query}`, body, {
        'content-type': 'application/octet-stream',
      });
      expect(one.records[0]?.partition).toBe(places[0]?.partition);
      expect(places[1]?.partition).toBe(places[0]?.partition);
      const all = async (topic: string) => {
        const pages = await Promise.all([0, 1, 2].map((partition) => read(topic, `partition=${partition}&limit=100`)));
        return pages.map(({ records }) => records.map(({ timestamp, ...record }) => record));
      };
      const found = await all('bytes');
      const at = ({ partition = -1, offset = -1 } = {}) => found[partition]?.[offset];
      const bytesKey = { key: 'gP8=', keyEncoding: 'base64' };
      expect(at(places[0])).toMatchObject({ ...bytesKey, value: null });
      expect(at(places[1])).toMatchObject({ ...bytesKey, encoding: 'base64', value: 'AAEC/w==' });
      expect(at(places[2])).toMatchObject({ key: '{"id": 1.0}', keyEncoding: 'text', value: null });
      expect(at(places[3])).toMatchObject({ key: 'gP8=', keyEncoding: 'text', encoding: 'text', value: '' });
      expect(at(places[4])).toMatchObject({ key: '', keyEncoding: 'text', value: 'null' });
      expect(at(places[5])).toMatchObject({ value: null });
      expect(at(places[5])).not.toHaveProperty('key');
      expect(at(one.records[0])).toMatchObject({ ...bytesKey, encoding: 'base64', value: 'AP8=' });

      const member = await client.join('copiers', ['bytes']);
      await client.create('copy', { partitions: 3 });
      for (let copied = 0; copied < 7; ) {
        const { records, next } = await untilRecords(member, 'wait=1s&limit=3');
        await client.produce(
          'copy',
          records.map(({ topic, offset, timestamp, ...record }) => record),
        );
        await member.commit(next);
        copied += records.length;
      }
      await member.leave();
      expect(await all('copy')).toEqual(found);
    });

    it(
      'partitions are added while it is used: what is there stays, new keys spread, nothing is lost or twice',
      async () => {
        await client.create('growing', { partitions: 2 });
        const member = await client.join('growers', ['growing']);
        const seen = new Map<string, string | null>();
        const readOn = async () => {
          const { records, next } = await member.fetch('limit=100&wait=500ms');
          for (const { partition, offset, value } of records) seen.set(`${partition}/${offset}`, value);
          if (next !== undefined) await client.ask('POST', `${member.path}/commit`, { next });
        };
        const before = await client.produce('growing', numbered(60), { 'idempotency-key': 'before' });
        await readOn();
        const partitions = async (count: number) =>
          (await client.json<TopicAnswer>('PATCH', '/api/topics/growing', { partitions: count })).partitions.length;
        let isOver = false;
        const told: { partition: number; offset: number }[] = [...before.records];
        const producing = (async () => {
          for (let from = 60; !isOver; from += 20) {
            told.push(...(await client.produceSurely('growing', numbered(20, from))).records);
          }
        })();
        expect(await partitions(5)).toBe(5);
        expect(await partitions(5)).toBe(5);
        await until('new records are in all of them', async () => new Set(told.map((at) => at.partition)).size === 5);
        isOver = true;
        await producing;
        expect(await client.refusal('PATCH', '/api/topics/growing', { partitions: 4 })).toMatchObject({
          status: 400,
          detail: expect.stringContaining('none is ever removed'),
        });
        expect(await client.refusal('PUT', '/api/topics/growing', { partitions: 6 })).toMatchObject({
          code: 'TOPIC_EXISTS',
        });
        await until(
          'the member that was there reads all of them',
          async () => {
            await readOn();
            return seen.size >= told.length;
          },
          60_000,
        );
        expect([...seen.keys()].sort()).toEqual(told.map(({ partition, offset }) => `${partition}/${offset}`).sort());
        const numbers = [...seen.values()].map(Number).sort((a, b) => a - b);
        expect(numbers).toEqual(numbers.map((_, i) => i));
        await member.leave();

        // A retry of what was placed among two partitions is answered as it was, and appends nothing.
        const again = () => client.produceSurely('growing', numbered(60), 'before');
        expect(await again()).toEqual(before);
        await restart();
        expect(await again()).toEqual(before);
        await spillway.kill('collector');
        expect(await again()).toEqual(before);
        const ends = (await client.json<TopicAnswer>('GET', '/api/topics/growing')).partitions;
        expect(ends.reduce((sum, { endOffset }) => sum + endOffset, 0)).toBe(told.length);
      },
      LONG_MS,
    );

    it('a key always has the same partition, and a partition keeps its order', async () => {
      await client.create('keyed', { partitions: 4 });
      const lines = numbered(200).map((record) => JSON.stringify(record));
      const { records } = await client.produce('keyed', lines.join('\n'), { 'content-type': 'application/x-ndjson' });
      const byKey = Map.groupBy(records, (_, i) => i % 17);
      for (const places of byKey.values()) expect(new Set(places.map(({ partition }) => partition)).size).toBe(1);
      for (const partition of [0, 1, 2, 3]) {
        const values = (await read('keyed', `partition=${partition}&limit=1000`)).records.map(({ value }) =>
          Number(value),
        );
        expect(values).toEqual(values.toSorted((a, b) => a - b));
      }
    });

    it(
      'a dead consumer is followed by another from what was committed, and cannot commit any more',
      async () => {
        await client.create('deaths', { partitions: 1 });
        await client.produce('deaths', numbered(30));
        const first = await client.join('heirs', ['deaths'], { session: '1500ms' });
        const page = await untilRecords(first, 'limit=10&wait=1s');
        expect(page.records.map(({ offset }) => offset)).toEqual([...Array(10).keys()]);
        await first.commit(page.next);
        const lost = await first.fetch('limit=5');
        // It was handed out and never committed; the answer may as well have got lost.
        expect(lost.records.map(({ offset }) => offset)).toEqual([10, 11, 12, 13, 14]);
        expect((await first.fetch('limit=5')).records).toEqual(lost.records);
        expect((await first.fetch(`limit=5&after=${lost.next}`)).records[0]?.offset).toBe(15);

        const second = await client.join('heirs', ['deaths']);
        const next = await untilRecords(second, 'limit=100&wait=1s');
        expect(next.records.map(({ offset }) => offset)).toEqual([...Array(20).keys()].map((i) => i + 10));
        expect(await client.refusal('POST', `${first.path}/commit`, { next: lost.next })).toMatchObject({
          status: 404,
          code: 'MEMBER_UNKNOWN',
        });
        await second.commit(next.next);
        expect((await client.group('heirs')).partitions).toMatchObject([{ committed: 30, endOffset: 30, lag: 0 }]);
        await second.leave();
      },
      LONG_MS,
    );

    it(
      'a late commit for a partition that has moved is refused with 409, and harms nobody',
      async () => {
        await client.create('moves', { partitions: 2 });
        await client.produce(
          'moves',
          [0, 1].flatMap((partition) => numbered(5).map((record) => ({ ...record, partition }))),
        );
        const first = await client.join('movers', ['moves']);
        const page = await untilRecords(first, 'limit=100&wait=1s');
        const second = await client.join('movers', ['moves']);
        // Reading on without a place says that nothing of before is under way: what is revoked is given up.
        await until('one of the two has moved', async () => {
          await first.fetch('limit=1');
          return (await second.describe()).assigned.length === 1 && (await first.describe()).assigned.length === 1;
        });
        expect(await client.refusal('POST', `${first.path}/commit`, { next: page.next })).toMatchObject({
          status: 409,
          code: 'QUEUE_FENCED',
        });
        const theirs = await untilRecords(second, 'limit=100&wait=1s');
        expect(theirs.records.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4]);
        await second.commit(theirs.next);
        await Promise.all([first.leave(), second.leave()]);
      },
      LONG_MS,
    );

    it(
      'consumers at the same time have disjoint partitions and everything together, while some come and go',
      async () => {
        const count = 1_200;
        await client.create('crowd', { partitions: 4 });
        const seen = new Map<string, number>();
        const committed = new Map<string, number>();
        let isOver = false;
        const consume = async (member: Member, pages = Number.POSITIVE_INFINITY): Promise<void> => {
          for (let page = 0; page < pages && !isOver; page++) {
            const { records, next } = await member.fetch('limit=50&wait=500ms');
            for (const { partition, offset, value } of records) {
              const place = `${partition}/${offset}`;
              if (seen.has(place)) expect(seen.get(place)).toBe(Number(value));
              seen.set(place, Number(value));
            }
            if (next === undefined) continue;
            const response = await client.ask('POST', `${member.path}/commit`, { next });
            if (response.status === 409) continue;
            expect(response.status, await response.clone().text()).toBe(200);
            const answer = (await response.json()) as { committed: { partition: number; offset: number }[] };
            for (const { partition, offset } of answer.committed) {
              expect(offset, `partition ${partition} went back`).toBeGreaterThanOrEqual(
                committed.get(`${partition}`) ?? 0,
              );
              committed.set(`${partition}`, offset);
            }
          }
        };
        const join = () => client.join('readers', ['crowd'], { session: '2s' });
        const members = [await join()];
        const work = [consume(members[0] as Member)];
        const producing = (async () => {
          for (let from = 0; from < count; from += 100) await client.produceSurely('crowd', numbered(100, from));
        })();
        // One dies after a few pages; two more come.
        work.push(consume(await join(), 3));
        const third = await join();
        members.push(third);
        work.push(consume(third));
        await producing;
        await until('everything was read', async () => seen.size === count, 60_000);
        expect([...seen.values()].sort((a, b) => a - b)).toEqual([...Array(count).keys()]);
        const assigned = await until('the dead one is gone', async () => {
          const all = (await Promise.all(members.map((member) => member.describe()))).flatMap((each) => each.assigned);
          return all.length === 4 && all.every(({ revoked }) => !revoked) ? all : undefined;
        });
        expect(new Set(assigned.map(({ partition }) => partition)).size).toBe(4);
        await until('all is committed', async () =>
          (await client.group('readers')).partitions.every(({ lag }) => lag === 0),
        );
        isOver = true;
        await Promise.all(work);
      },
      LONG_MS,
    );

    it(
      'a restart keeps topics, records, commits and Idempotency-Keys',
      async () => {
        await client.create('lasting', { partitions: 2, retention: '3d', maxSize: '5MiB', required: ['keepers'] });
        const first = await client.produce('lasting', numbered(20), { 'idempotency-key': 'once' });
        const member = await client.join('keepers', ['lasting']);
        const page = await untilRecords(member, 'limit=7&wait=1s');
        await member.commit(page.next);
        await restart();
        expect(await client.json<TopicAnswer>('GET', '/api/topics/lasting')).toMatchObject({
          topic: 'lasting',
          retention: '3d',
          maxBytes: 5 * 2 ** 20,
          required: ['keepers'],
        });
        expect(await client.produceSurely('lasting', numbered(20), 'once')).toEqual(first);
        expect(
          await client.refusal('POST', '/api/topics/lasting/records', numbered(3), { 'idempotency-key': 'once' }),
        ).toMatchObject({ status: 422 });
        expect(await client.refusal('GET', `${member.path}/records`)).toMatchObject({ code: 'MEMBER_UNKNOWN' });
        const again = await client.join('keepers', ['lasting']);
        const rest: string[] = [];
        await until('the rest was read', async () => {
          const { records, next } = await again.fetch('wait=1s');
          rest.push(...records.map(({ partition, offset }) => `${partition}/${offset}`));
          if (next !== undefined) await again.commit(next);
          return rest.length >= 13;
        });
        const all = first.records.map(({ partition, offset }) => `${partition}/${offset}`);
        const before = page.records.map(({ partition, offset }) => `${partition}/${offset}`);
        expect([...before, ...rest].sort()).toEqual(all.sort());
        await again.leave();
      },
      LONG_MS,
    );

    it(
      'a collector that is killed again and again loses and repeats nothing of what careful producers send',
      async () => {
        await client.create('killed', { partitions: 3 });
        let kills = 0;
        let isOver = false;
        const killing = (async () => {
          while (!isOver && kills < 2) {
            await delay(150 + 300 * kills);
            kills += await spillway.kill('collector').catch(() => 0);
          }
        })();
        const producers = [0, 1, 2, 3].map(async (producer) => {
          const places: string[] = [];
          for (let i = 0; i < 25; i++) {
            const records = [0, 1, 2].map((n) => ({ key: `p${producer}`, value: [producer, 3 * i + n] }));
            const { records: found } = await client.produceSurely('killed', records);
            places.push(...found.map(({ partition, offset }) => `${partition}/${offset}`));
          }
          return places;
        });
        const told = (await Promise.all(producers)).flat();
        isOver = true;
        await killing;
        expect(kills).toBeGreaterThan(0);
        const found = new Map<string, string | null>();
        for (const partition of [0, 1, 2]) {
          const { records } = await until('it answers', () => read('killed', `partition=${partition}&limit=1000`));
          for (const { offset, value } of records) found.set(`${partition}/${offset}`, value);
        }
        expect([...found.keys()].sort()).toEqual(told.toSorted());
        for (let producer = 0; producer < 4; producer++) {
          const own = [...found.values()]
            .map((value) => JSON.parse(value ?? '') as [number, number])
            .filter(([p]) => p === producer);
          expect(own.map(([, n]) => n)).toEqual([...Array(75).keys()]);
        }
      },
      LONG_MS,
    );

    it(
      'lag is told in records and in time, and a group without members can be set anywhere',
      async () => {
        await client.create('lagging', { partitions: 1 });
        await client.produce('lagging', numbered(10));
        const at = (to: object) => client.json('POST', '/api/groups/late/offsets', { topic: 'lagging', ...to });
        expect(await at({ partition: 0, offset: 4 })).toEqual({
          committed: [{ topic: 'lagging', partition: 0, offset: 4 }],
        });
        const group = await until('the end is known', async () => {
          const found = await client.group('late');
          return found.partitions[0]?.lag === 6 && (found.partitions[0]?.lagMs ?? 0) > 0 ? found : undefined;
        });
        expect(group).toMatchObject({ group: 'late', members: 0, partitions: [{ topic: 'lagging', committed: 4 }] });
        const member = await client.join('late', ['lagging']);
        expect((await untilRecords(member, 'wait=1s')).records[0]?.offset).toBe(4);
        expect(
          await client.refusal('POST', '/api/groups/late/offsets', { topic: 'lagging', to: 'latest' }),
        ).toMatchObject({ status: 409, code: 'GROUP_IN_USE' });
        await member.leave();
        await at({ to: 'latest' });
        expect((await client.group('late')).partitions[0]?.lag).toBe(0);
        await at({ to: 'earliest' });
        const rereading = await client.join('late', ['lagging']);
        expect((await untilRecords(rereading, 'wait=1s')).records).toHaveLength(10);
        await rereading.leave();
        await client.json('DELETE', '/api/groups/late');
        expect(await client.refusal('GET', '/api/groups/late')).toMatchObject({ status: 404 });
      },
      LONG_MS,
    );

    it(
      'what is deleted is gone, and a topic of the same name is another one',
      async () => {
        await client.create('fleeting', { partitions: 2 });
        await client.produce('fleeting', numbered(40), { 'idempotency-key': 'same' });
        const member = await client.join('mourners', ['fleeting']);
        const page = await untilRecords(member, 'limit=1000&wait=1s');
        await member.commit(page.next);
        await client.json('DELETE', '/api/topics/fleeting');
        expect(await client.refusal('GET', '/api/topics/fleeting/records')).toMatchObject({ status: 404 });
        expect(await client.refusal('POST', '/api/topics/fleeting/records', numbered(1))).toMatchObject({
          status: 404,
        });
        await member.leave();
        await client.create('fleeting', { partitions: 1 });
        const { records } = await client.produce('fleeting', numbered(3), { 'idempotency-key': 'same' });
        expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2]);
        const next = await client.join('mourners', ['fleeting']);
        expect((await untilRecords(next, 'wait=1s')).records.map(({ offset }) => offset)).toEqual([0, 1, 2]);
        await next.leave();
      },
      LONG_MS,
    );
  });
}

async function untilRecords(member: Member, query: string) {
  return until('it is given records', async () => {
    const found = await member.fetch(query);
    return found.records.length > 0 ? found : undefined;
  });
}
