/** `/api/topics`, `/api/topics/partitions`, `/api/topics/{topic}/records` and `/api/groups`. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { isOfRoles } from '../../event/topics.ts';
import type { Clock } from '../../lib/clock.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { QUEUE_READ_LIMITS } from '../../lib/limits.ts';
import { noTopic } from '../../queue/created/catalogue.ts';
import { ownerOf } from '../../queue/created/owned-names.ts';
import { offset as asOffset, type PartitionReader, type Queue, type TopicState } from '../../queue/port.ts';
import { accounts } from '../catalogue/index.ts';
import { parseTime } from '../time.ts';
import type { CoordinatorView } from './coordinator-view.ts';
import { groupAnswers } from './group-routes.ts';
import { type RecordsFound, type RecordsQuestion, readRecords } from './records.ts';
import { createdAnswer, systemAnswer } from './topic-routes.ts';
import { owned, type UserTopics } from './user-topics.ts';
import { Waiting } from './waiting.ts';

export interface QueueRoutesOptions {
  readonly coordinator: CoordinatorView;
  readonly queue: Pick<Queue, 'openReader'>;
  /** Those that users create; without it there are none. */
  readonly topics?: UserTopics | undefined;
  readonly waiting: Waiting;
  readonly clock: Clock;
}

export function queueRoutes(
  server: FastifyInstance,
  { coordinator, queue, clock, topics, waiting }: QueueRoutesOptions,
): void {
  const app = server.withTypeProvider<TypeBoxTypeProvider>();

  app.route({
    ...accounts.topics,
    handler: async ({ principal: { tenant, scopes } }) => {
      const states = await coordinator.topics();
      await topics?.admin.refresh();
      const created = Object.entries(topics?.admin.catalogue.topics ?? {}).flatMap(([name, topic]) => {
        const isSeen = scopes.has('admin') || ownerOf(name)?.tenant === tenant;
        if (topic.isDeleting || !isSeen) return [];
        return createdAnswer(
          name,
          topic,
          states.find((known) => known.topic === name),
        );
      });
      return { topics: [...states.filter(({ topic }) => ownerOf(topic) === undefined).map(systemAnswer), ...created] };
    },
  });

  app.route({
    ...accounts.groups,
    handler: async ({ principal }) => ({ groups: groupAnswers(await coordinator.groups(), principal) }),
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
      const waitMs = Waiting.parse(request.query.wait);
      const { tenant, scopes } = request.principal;
      const system = isOfRoles(topic) ? await systemTopic(coordinator, topic) : undefined;
      if (system === undefined && topics === undefined) throw noTopic(topic);
      const at = { topic: system === undefined ? owned(tenant, topic) : topic, partition };
      if (system === undefined) await topics?.open(at);
      else assertPartition(system, partition);
      const reader = queue.openReader(at, { isChosen: offset !== undefined });
      try {
        const from = offset ?? (await startOf(reader, timeMs));
        // All records of a tenant's own topic are its own.
        const seenBy = scopes.has('admin') || system === undefined ? undefined : tenant;
        const found = await waiting.during(request, waitMs, (signal) =>
          readOrWait(reader, { from, limit, tenant: seenBy }, signal),
        );
        return { topic, partition, ...found };
      } finally {
        await reader.close();
      }
    },
  });
}

async function readOrWait(
  reader: PartitionReader,
  question: RecordsQuestion,
  signal: AbortSignal,
): Promise<RecordsFound> {
  let { from } = question;
  for (;;) {
    const found = await readRecords(reader, { ...question, from });
    // A page that is empty because one answer looks at so much only says where to go on.
    const hasNews = found.records.length > 0 || found.unreadable !== undefined;
    if (hasNews || signal.aborted || found.next < found.endOffset) return found;
    from = found.next;
    await reader.waitFor(asOffset(from), signal);
  }
}

async function startOf(reader: PartitionReader, timeMs: number | undefined): Promise<number> {
  return timeMs === undefined ? reader.earliestOffset() : reader.offsetAtTime(timeMs);
}

async function systemTopic(coordinator: CoordinatorView, topic: string): Promise<TopicState> {
  const [found] = await coordinator.topics(topic);
  if (found === undefined) throw noTopic(topic);
  return found;
}

function assertPartition({ topic, partitions }: TopicState, partition: number): void {
  if (partitions.some((known) => known.partition === partition)) return;
  throw new SpillwayError('NOT_FOUND', `The topic ${topic} has no partition ${partition}.`, { details: { partition } });
}
