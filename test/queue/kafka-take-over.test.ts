/** Several take a partition over at the same time: at most one of them is its writer, whatever comes between. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeProgress, PROGRESS_KEY } from '../../src/event/progress.ts';
import type { Cluster } from '../../src/queue/kafka/cluster.ts';
import type { KafkaQueue } from '../../src/queue/kafka/queue.ts';
import { removeBefore } from '../../src/queue/kafka/retention.ts';
import { takeOver } from '../../src/queue/kafka/take-over.ts';
import { batchOf, readAll, values } from '../../src/queue/test-records.ts';
import { visibleBefore } from '../../src/search/indexing/visible-before.ts';
import { kafkaOptions, lacksKafka, openKafka, removeTopics, startKafka, type TestKafka } from '../support/kafka.ts';

const raw = { topic: 'raw', partition: 0 };

describe.skipIf(lacksKafka('taking over on Kafka'))('a partition that is taken over', () => {
  let kafka: TestKafka;
  beforeAll(async () => {
    kafka = await startKafka();
  }, 180_000);
  afterAll(() => kafka?.stop());

  /** As the cluster is, but something comes before each question of a takeover. */
  const between = (cluster: Cluster, before: (question: number) => Promise<void>): Cluster => {
    let asked = 0;
    const askCoordinator: Cluster['askCoordinator'] = async (...question) => {
      await before(asked++);
      return cluster.askCoordinator(...question);
    };
    return { askCoordinator } as unknown as Cluster;
  };

  it('has one writer, where another one takes it over between any two steps', async () => {
    const options = kafkaOptions(kafka.brokers);
    const queue = await openKafka(options);
    try {
      const at = { topic: queue.nameOf('raw'), partition: 0 };
      const name = `${at.topic}-0`;
      await (await queue.openWriter(raw)).close();
      let steps = 0;
      await takeOver(
        between(queue.cluster, async (step) => {
          steps = step;
        }),
        name,
        at,
      );
      for (let turn = 1; turn <= steps; turn++) {
        let other: Awaited<ReturnType<KafkaQueue['openWriter']>> | undefined;
        const slower = takeOver(
          between(queue.cluster, async (step) => {
            if (step === turn) other = await queue.openWriter(raw);
          }),
          name,
          at,
        );
        const hasIt = await slower.then(
          () => true,
          ({ code }: { code?: string }) => code !== 'QUEUE_FENCED',
        );
        const goesOn = await other?.append(values(`${turn}`)).then(
          () => true,
          ({ code }: { code?: string }) => code !== 'QUEUE_FENCED',
        );
        expect([turn, hasIt, goesOn]).toEqual([turn, false, true]);
        await other?.close();
      }
      const found = await readAll(queue.openReader(raw), 0);
      expect(found.map(({ value }) => value)).toEqual(Array.from({ length: steps }, (_, i) => `${i + 1}`));
    } finally {
      await queue.close();
      await removeTopics(options);
    }
  }, 60_000);

  it('leaves visible what was visible, however often the partition is taken over', async () => {
    const options = kafkaOptions(kafka.brokers);
    const queue = await openKafka(options);
    try {
      const at = { topic: 'events', partition: 0 };
      const reader = queue.openReader(at);
      const { signal } = new AbortController();
      const visible = async () =>
        visibleBefore({ queue, processed: async () => 7, signal }, 0, await reader.endOffset());
      for (let i = 0; i < 3; i++) await (await queue.openWriter(at)).close();
      expect(await visible()).toEqual({ rawOffset: 7, receivedTo: 0 });
      const marker = encodeProgress({ version: 1, rawOffset: 9, receivedTo: 1_000, ledger: [] });
      await (await queue.openWriter(at)).append(batchOf([{ value: marker.toString(), key: PROGRESS_KEY }], 'zstd'));
      for (let i = 0; i < 3; i++) {
        await (await queue.openWriter(at)).close();
        expect(await visible()).toMatchObject({ rawOffset: 9, receivedTo: 1_000 });
      }
      await removeBefore(queue.cluster, { topic: queue.nameOf('events'), partition: 0 }, await reader.endOffset());
      expect(await visible()).toEqual({ rawOffset: 7, receivedTo: 0 });
    } finally {
      await queue.close();
      await removeTopics(options);
    }
  });
});
