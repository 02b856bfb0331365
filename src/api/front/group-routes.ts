/** `/api/groups`: who reads which topic how far, and consuming as a member of a group. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../lib/clock.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { QUEUE_READ_LIMITS, TOPIC_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Principal } from '../../lib/principal.ts';
import { parseDuration } from '../../lib/units.ts';
import { noGroup } from '../../queue/created/catalogue.ts';
import { assertGroupName, ownerOf } from '../../queue/created/owned-names.ts';
import type { GroupState, TopicPartition } from '../../queue/port.ts';
import { accounts } from '../catalogue/index.ts';
import type { GroupAnswer } from '../schemas/queue.ts';
import type { ResetOffsets } from '../schemas/topics.ts';
import { parseTime } from '../time.ts';
import { Consumers } from './consumers/consumers.ts';
import { parsePlace } from './consumers/place.ts';
import type { CoordinatorView } from './coordinator-view.ts';
import { owned, type UserTopics } from './user-topics.ts';
import { Waiting } from './waiting.ts';

export interface GroupRoutesOptions {
  readonly coordinator: CoordinatorView;
  readonly topics: UserTopics;
  readonly waiting: Waiting;
  readonly clock: Clock;
  readonly log: Logger;
}

export function groupRoutes(server: FastifyInstance, options: GroupRoutesOptions): void {
  const { coordinator, topics, waiting, clock, log } = options;
  const app = server.withTypeProvider<TypeBoxTypeProvider>();
  const consumers = new Consumers(topics, log);
  server.addHook('onClose', () => consumers.close());

  app.route({
    ...accounts.group,
    handler: async ({ params: { group }, principal }) => {
      const shown = groupAnswers(await coordinator.groups(), principal);
      const found = shown.find((one) => one.group === group && (one.tenant ?? principal.tenant) === principal.tenant);
      if (found === undefined) throw noGroup(group);
      return found;
    },
  });

  app.route({
    ...accounts.deleteGroup,
    handler: async ({ params: { group }, principal }) => {
      await topics.admin.removeGroup(owned(principal.tenant, group));
      return { group, deleted: true } as const;
    },
  });

  app.route({
    ...accounts.resetOffsets,
    handler: async ({ params: { group }, body, principal: { tenant } }) => {
      assertGroupName(group);
      const name = owned(tenant, body.topic);
      const { partitions } = await topics.topic(name);
      const numbers = body.partition === undefined ? [...Array(partitions).keys()] : [body.partition];
      const positions = await Promise.all(
        numbers.map((partition) => positionOf(topics, { topic: name, partition }, body, clock)),
      );
      for (const { at, offset } of positions) await topics.admin.resetOffset(owned(tenant, group), at, offset);
      return { committed: positions.map(({ at, offset }) => ({ ...at, topic: body.topic, offset })) };
    },
  });

  app.route({
    ...accounts.join,
    handler: async ({ params: { group }, body, principal: { tenant } }) => {
      assertGroupName(group);
      const { topics: subscribed, start = 'earliest' } = body;
      const sessionMs = sessionOf(body.session);
      const consumer = await consumers.join({ tenant, group, topics: subscribed, sessionMs, start });
      return consumer.heard(() => consumer.describe());
    },
  });

  app.route({
    ...accounts.member,
    handler: async ({ params: { group, member }, principal: { tenant } }) => {
      const consumer = consumers.find(tenant, group, member);
      return consumer.heard(() => consumer.describe());
    },
  });

  app.route({
    ...accounts.consume,
    handler: async (request) => {
      const { group, member } = request.params;
      const { after, limit = QUEUE_READ_LIMITS.defaultRecords, wait } = request.query;
      const waitMs = Waiting.parse(wait);
      const consumer = consumers.find(request.principal.tenant, group, member);
      return consumer.heard(() =>
        waiting.during(request, waitMs, (signal) => consumer.fetch({ after, limit, signal })),
      );
    },
  });

  app.route({
    ...accounts.commit,
    handler: async ({ params: { group, member }, body, principal: { tenant } }) => {
      const { next, offsets } = body;
      if ((next === undefined) === (offsets === undefined)) {
        throw new SpillwayError('BAD_REQUEST', 'Give either `next` or `offsets`.', { details: { parameter: 'next' } });
      }
      const positions = next === undefined ? (offsets ?? []) : parsePlace(next);
      const consumer = consumers.find(tenant, group, member);
      await consumer.heard(() => consumer.commit(positions));
      return { committed: positions.map(({ topic, partition, offset }) => ({ topic, partition, offset })) };
    },
  });

  app.route({
    ...accounts.leave,
    handler: async ({ params: { group, member }, principal: { tenant } }) => {
      await consumers.leave(consumers.find(tenant, group, member));
      return { member, left: true } as const;
    },
  });
}

/** Throws BAD_REQUEST. */
function sessionOf(session: string | undefined): number {
  const { sessionMs, sessionLeastMs, sessionMostMs } = TOPIC_LIMITS;
  const ms = session === undefined ? sessionMs : parseDuration(session);
  if (ms !== undefined && ms >= sessionLeastMs && ms <= sessionMostMs) return ms;
  throw new SpillwayError(
    'BAD_REQUEST',
    `The parameter session is ${sessionLeastMs / 1_000}s to ${sessionMostMs / 1_000}s.`,
    {
      details: { parameter: 'session' },
    },
  );
}

async function positionOf(
  topics: UserTopics,
  at: TopicPartition,
  { to, time, offset, partition }: ResetOffsets,
  clock: Clock,
): Promise<{ readonly at: TopicPartition; readonly offset: number }> {
  const given = [to, time, offset].filter((one) => one !== undefined).length;
  if (given !== 1) throw new SpillwayError('BAD_REQUEST', 'Give one of `to`, `time` and `offset`.');
  if (offset !== undefined && partition === undefined) {
    throw new SpillwayError('BAD_REQUEST', 'An `offset` is of one `partition`: name it.', {
      details: { parameter: 'partition' },
    });
  }
  await topics.open(at);
  const reader = topics.queue.openReader(at);
  try {
    if (time !== undefined) return { at, offset: await reader.offsetAtTime(parseTime(time, clock.now(), 'time')) };
    const [earliest, end] = [await reader.earliestOffset(), await reader.endOffset()];
    if (to !== undefined) return { at, offset: to === 'earliest' ? earliest : end };
    const asked = offset ?? earliest;
    if (asked >= earliest && asked <= end) return { at, offset: asked };
    throw new SpillwayError('BAD_REQUEST', `Partition ${at.partition} has the offsets ${earliest} to ${end}.`, {
      details: { parameter: 'offset', earliest, endOffset: end },
    });
  } finally {
    await reader.close();
  }
}

/** Those of the roles, and the tenant's own; an admin sees those of all. */
export function groupAnswers(groups: readonly GroupState[], { tenant, scopes }: Principal): GroupAnswer[] {
  return groups.flatMap(({ group, members, partitions }) => {
    const owner = ownerOf(group);
    if (owner === undefined) return [{ group, members, partitions: [...partitions] }];
    if (owner.tenant !== tenant && !scopes.has('admin')) return [];
    const called = partitions.map((at) => ({ ...at, topic: ownerOf(at.topic)?.name ?? at.topic }));
    return [{ group: owner.name, tenant: owner.tenant, members, partitions: called }];
  });
}
