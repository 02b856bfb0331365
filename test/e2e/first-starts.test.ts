/**
 * Process trees that start at the same moment, on a Kafka and an OpenSearch where nothing of theirs is there yet. Each of
 * them makes what is missing, at the same time as the others: all get ready, and together they are one installation. A role
 * that was overtaken in making something may have been started again on the way.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { kafkaOptions, lacksKafka, removeTopics, startKafka, type TestKafka } from '../support/kafka.ts';
import { lacks } from '../support/needs.ts';
import { SpillwayProcess, until } from '../support/spillway.ts';

const LONG_MS = 300_000;
/** Nine roles on two busy cores. */
const FOUND_MS = 120_000;
const TREES = 3;
const suite = 'first starts at the same moment';
const node = process.env.SPILLWAY_TEST_OPENSEARCH ?? '';
const isLacking = lacks(suite, { server: 'SPILLWAY_TEST_OPENSEARCH' }) || lacksKafka(suite);

describe.skipIf(isLacking)(suite, () => {
  let kafka: TestKafka;
  let trees: SpillwayProcess[] = [];
  let prefix = '';
  beforeAll(async () => {
    kafka = await startKafka();
  }, LONG_MS);
  afterEach(async () => {
    await Promise.all(trees.splice(0).map((tree) => tree.dispose()));
    for (const path of [`${prefix}-slice-*`, `${prefix}-shared`, `_index_template/${prefix}`]) {
      await fetch(`${node}/${path}`, { method: 'DELETE' });
    }
    const topics = { raw: NONE, events: NONE, 'dead-letter': NONE };
    await removeTopics(kafkaOptions(kafka.brokers, { prefix: `${prefix}.`, topics }));
  }, LONG_MS);
  afterAll(() => kafka?.stop(), LONG_MS);

  it(
    'all start, and what each of them accepts is found by all',
    async () => {
      prefix = `first-${randomBytes(4).toString('hex')}`;
      const config = {
        queue: {
          ...{ engine: 'kafka', brokers: kafka.brokers, prefix: `${prefix}.` },
          ...{ replication: 1, minInsyncReplicas: 1, partitions: 4 },
        },
        search: { engine: 'opensearch', nodes: [node], index: { prefix, replicas: 0, refresh: '200ms' } },
      };
      const starts = Array.from({ length: TREES }, () => SpillwayProcess.start({ config, readyMs: LONG_MS }));
      const outcomes = await Promise.allSettled(starts);
      trees = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      expect(outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []))).toEqual(
        [],
      );
      for (const [i, tree] of trees.entries()) {
        const answer = await tree.json(`/api/logs?app=app-${i}`, { method: 'POST', body: `from ${i}` });
        expect(answer).toEqual({ accepted: 1, deadLettered: 0 });
      }
      for (const tree of trees) {
        await until(
          'all are found',
          async () => (await tree.json<{ count: number }>('/api/count?q=*')).count === TREES,
          FOUND_MS,
        );
        const areReady = async () => (await tree.roles()).every(({ state }) => state === 'ready');
        await until('all roles are ready', areReady, FOUND_MS);
      }
    },
    // The starts, and then what is found.
    2 * LONG_MS,
  );
});

const NONE = { partitions: 1, compression: 'none', writers: 'many' } as const;
