/** `/api/topics`, `/api/topics/partitions`, `/api/topics/{topic}/records` and `/api/groups`. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../lib/clock.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { QUEUE_READ_LIMITS } from '../../lib/limits.ts';
import type { PartitionReader, Queue } from '../../queue/port.ts';
import { accounts } from '../catalogue.ts';
import { isoTime, parseTime } from '../time.ts';
import type { CoordinatorView } from './coordinator-view.ts';
import { readRecords } from './records.ts';

export interface QueueRoutesOptions {
  readonly coordinator: CoordinatorView;
  readonly queue: Pick<Queue, 'openReader'>;
  readonly clock: Clock;
}

export function queueRoutes(server: FastifyInstance, { coordinator, queue, clock }: QueueRoutesOptions): void {
  const app = server.withTypeProvider<TypeBoxTypeProvider>();

  app.route({
    ...accounts.topics,
    handler: async () => ({
      topics: (await coordinator.topics()).map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, earliestOffset, endOffset, bytes, segments, oldestMs }) => ({
          ...{ partition, earliestOffset, endOffset, bytes, segments },
          ...(oldestMs === undefined ? {} : { oldest: isoTime(oldestMs) }),
        })),
      })),
    }),
  });

  app.route({
    ...accounts.groups,
    handler: async () => ({ groups: await coordinator.groups() }),
  });

  app.route({
    ...accounts.addPartitions,
    handler: async ({ body }) => ({ partitions: await coordinator.addPartitions(body.partitions) }),
  });

  app.route({
    ...accounts.records,
    handler: async (request) => {
      const { topic } = request.params;
      const { partition = 0, offset, time, limit = QUEUE_READ_LIMITS.defaultRecords } = request.query;
      if (offset !== undefined && time !== undefined) {
        throw new SpillwayError('BAD_REQUEST', 'Give offset or time, not both.', { details: { parameter: 'time' } });
      }
      const timeMs = time === undefined ? undefined : parseTime(time, clock.now(), 'time');
      await assertPartition(coordinator, topic, partition);
      const reader = queue.openReader({ topic, partition });
      try {
        const from = offset ?? (await startOf(reader, timeMs));
        const tenant = request.principal.scopes.has('admin') ? undefined : request.principal.tenant;
        return { topic, partition, ...(await readRecords(reader, { from, limit, tenant })) };
      } finally {
        await reader.close();
      }
    },
  });
}

async function startOf(reader: PartitionReader, timeMs: number | undefined): Promise<number> {
  return timeMs === undefined ? reader.earliestOffset() : reader.offsetAtTime(timeMs);
}

async function assertPartition(coordinator: CoordinatorView, topic: string, partition: number): Promise<void> {
  const found = (await coordinator.topics()).find((known) => known.topic === topic);
  if (found === undefined) throw new SpillwayError('NOT_FOUND', `There is no topic ${topic}.`);
  if (!found.partitions.some((known) => known.partition === partition)) {
    throw new SpillwayError('NOT_FOUND', `The topic ${topic} has no partition ${partition}.`, {
      details: { partition },
    });
  }
}
