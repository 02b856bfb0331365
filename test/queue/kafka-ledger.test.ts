/** The ledger of several process trees on a real Kafka: what they tell each other, and what a topic that is shortened keeps. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { encodeRawMeta, RAW_META_KEY } from '../../src/event/raw-meta.ts';
import { encodeHeaders } from '../../src/event/record-batch.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { LedgerFollower } from '../../src/monitor/ledger/follower.ts';
import type { LedgerKnown } from '../../src/monitor/ledger/ledger.ts';
import { Ledger } from '../../src/monitor/ledger/ledger.ts';
import { Reporter } from '../../src/monitor/ledger/reporter.ts';
import { SharedAccount } from '../../src/monitor/ledger/shared-account.ts';
import { batchOfRecords } from '../../src/monitor/ledger/testing/memory-log.ts';
import { BrokerLink } from '../../src/queue/kafka/broker-link.ts';
import { listOffsets, offsetFetch } from '../../src/queue/kafka/protocol.ts';
import type { KafkaQueue } from '../../src/queue/kafka/queue.ts';
import type { KafkaQueueOptions } from '../../src/queue/kafka/queue-options.ts';
import {
  kafkaOptions,
  lacksKafka,
  quietLog as log,
  openKafka,
  removeTopics,
  startKafka,
  type TestKafka,
} from '../support/kafka.ts';

const PARTITIONS = 12;
const raw = { topic: 'raw', partition: 0 };
const TOPICS = {
  raw: { partitions: 1, compression: 'none', writers: 'many' },
  events: { partitions: 1, compression: 'zstd', writers: 'one' },
  'dead-letter': { partitions: 5, compression: 'none', writers: 'many' },
} as const;

describe.skipIf(lacksKafka('the ledger on Kafka'))('the ledger on Kafka', () => {
  let kafka: TestKafka;
  let options: KafkaQueueOptions;
  const queues: KafkaQueue[] = [];
  beforeAll(async () => {
    kafka = await startKafka();
  }, 180_000);
  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.close()));
    await removeTopics(options);
  });
  afterAll(() => kafka?.stop());

  /** A collector with a front door, as a process of its own has it. */
  async function tree() {
    options = queues.length === 0 ? kafkaOptions(kafka.brokers, { topics: TOPICS }) : options;
    const queue = await openKafka(options);
    queues.push(queue);
    const reporter = new Reporter(queue.ledger, clock, log);
    const ledger = new Ledger();
    let known: LedgerKnown = { asOfMs: 0, missing: [] };
    const follower = new LedgerFollower({
      ...{ topic: queue.ledger, reporter, clock, log, gapJitterMs: 0 },
      partitions: () => queue.partitionCount('raw'),
      openReader: (at) => queue.openReader(at),
      logs: queue.ledger,
      onChange: (change) => {
        known = change.known;
        ledger.state('all', change.rows, change.reset, known);
      },
    });
    const writer = await queue.openWriter(raw);
    const accept = async (tenant: string, records: number, says = true) => {
      const headers = encodeHeaders([
        [RAW_META_KEY, encodeRawMeta({ tenant, input: 'http', remote: '10.0.0.1:1', format: 'json' })],
      ]);
      const timestampMs = clock.now();
      const { baseOffset, nextOffset } = await writer.append(
        batchOfRecords(Array(records).fill({ timestampMs, headers })),
      );
      const minute = Math.floor(timestampMs / 60_000);
      const row = { partition: 0, tenant, minute, column: 'accepted', count: records } as const;
      if (says) reporter.outbox.add('accepted/0', baseOffset, nextOffset, [row]);
    };
    const settle = async () => {
      const beganMs = clock.now();
      await expect
        .poll(
          async () => {
            await follower.follow();
            return known.asOfMs > beganMs && known.missing.length === 0;
          },
          { timeout: 20_000, interval: 50 },
        )
        .toBe(true);
      return ledger.answer({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, by: ['tenant', 'minute'] });
    };
    return { queue, reporter, follower, accept, settle };
  }

  it('is the same for all trees on the queue, and exact, where some die before they have said what they did', async () => {
    const [a, b] = [await tree(), await tree()];
    for (let i = 1; i <= 20; i++) {
      await Promise.all([a.accept('shop', i), b.accept('default', 2 * i, i % 4 !== 0)]);
      if (i % 5 === 0) await a.follower.follow();
    }
    const [ofA, ofB] = await Promise.all([a.settle(), b.settle()]);
    expect(ofA.total).toMatchObject({ accepted: 3 * 210, inFlight: 3 * 210 });
    expect(ofB.lines).toEqual(ofA.lines);
    // A tree that is added has it from the others.
    const added = await tree();
    expect((await added.settle()).lines).toEqual(ofA.lines);
    expect(ofA.lines.filter(({ tenant }) => tenant === 'shop').reduce((sum, { accepted }) => sum + accepted, 0)).toBe(
      210,
    );
  });

  it('keeps the whole account in a topic that is shortened, also for a tree that was paused meanwhile', async () => {
    const [a, b] = [await tree(), await tree()];
    await a.accept('shop', 5);
    await a.settle();
    await b.settle();
    const account = new SharedAccount(a.queue.ledger, clock);
    const paused = new SharedAccount(a.queue.ledger, clock);
    await paused.follow();
    for (let i = 0; i < 10; i++) {
      await a.accept('shop', 1);
      await a.reporter.publish();
    }
    await account.follow();
    await account.writeSnapshot(await a.reporter.writer());
    await a.accept('shop', 1);
    await a.reporter.publish();
    const reader = a.queue.ledger.openReader();
    expect(await reader.earliestOffset()).toBeGreaterThanOrEqual(11);
    await paused.follow();
    expect(paused.book.counted('accepted/0').bounds).toEqual([0, 16]);
    expect((await b.settle()).total.accepted).toBe(16);
    expect((await (await tree()).settle()).total.accepted).toBe(16);
    await Promise.all([reader.close(), account.close(), paused.close()]);
  });

  it('asks as much of a broker where there are many partitions as where there is one', async () => {
    const many = { raw: PARTITIONS, events: PARTITIONS, 'dead-letter': 4 + 2 * PARTITIONS } as const;
    const topics = Object.fromEntries(
      Object.entries(TOPICS).map(([name, topic]) => [name, { ...topic, partitions: many[name as keyof typeof many] }]),
    );
    options = kafkaOptions(kafka.brokers, { topics, layoutMs: 60_000 });
    const queue = await openKafka(options);
    queues.push(queue);
    const a = await tree();
    await a.accept('shop', 3);
    await a.settle();
    const asking = vi.spyOn(BrokerLink.prototype, 'ask');
    const count = async () => {
      asking.mockClear();
      await a.settle();
      const asked = asking.mock.calls.map(([api]) => api.key);
      return [listOffsets, offsetFetch].map(({ key }) => asked.filter((one) => one === key).length);
    };
    const [ends = 0, committed = 0] = await count();
    asking.mockRestore();
    // The end of the ledger's own topic is looked for as well, and it may be looked again before all is known.
    expect(ends).toBeGreaterThan(0);
    expect(ends).toBeLessThan(PARTITIONS);
    expect(committed).toBeLessThan(PARTITIONS);
  });

  it('counts again from the logs what a topic that was emptied does not say any more', async () => {
    const a = await tree();
    await a.accept('shop', 9);
    await a.settle();
    const end = await a.queue.ledger.openReader().endOffset();
    await a.queue.ledger.removeBefore(end);
    const b = await tree();
    expect((await b.settle()).total.accepted).toBe(9);
    await a.accept('shop', 1);
    expect((await a.settle()).total.accepted).toBe(10);
    expect((await b.settle()).total.accepted).toBe(10);
  });
});
