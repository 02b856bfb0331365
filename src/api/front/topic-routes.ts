/** `/api/topics/{topic}`: topics that users create. A topic is its tenant's, whoever asks. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { isOfRoles } from '../../event/topics.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { TOPIC_LIMITS } from '../../lib/limits.ts';
import type { Principal } from '../../lib/principal.ts';
import { formatDuration, parseDuration, parseSize } from '../../lib/units.ts';
import { type CreatedTopic, noTopic, type TopicSettings } from '../../queue/created/catalogue.ts';
import { assertGroupName, assertTopicName, ownerOf } from '../../queue/created/owned-names.ts';
import type { PartitionState, TopicState } from '../../queue/port.ts';
import { accounts } from '../catalogue/index.ts';
import type { TopicAnswer } from '../schemas/queue.ts';
import type { ChangeTopic } from '../schemas/topics.ts';
import { isoTime } from '../time.ts';
import type { CoordinatorView } from './coordinator-view.ts';
import { owned, type UserTopics } from './user-topics.ts';

export function topicRoutes(server: FastifyInstance, coordinator: CoordinatorView, topics: UserTopics): void {
  const app = server.withTypeProvider<TypeBoxTypeProvider>();
  const shown = async (name: string): Promise<TopicAnswer> => {
    const topic = await topics.topic(name);
    const [state] = await coordinator.topics(name);
    return createdAnswer(name, topic, state);
  };

  const openAll = (topic: string, partitions: number) =>
    Promise.all(Array.from({ length: partitions }, (_, partition) => topics.open({ topic, partition })));

  app.route({
    ...accounts.createTopic,
    handler: async ({ params, body, principal }) => {
      assertTopicName(params.topic);
      const name = owned(principal.tenant, params.topic);
      const { admin } = topics;
      // What is not said stays as it is, so that the same again is the same, whatever the configuration says by then.
      const known = admin.catalogue.topics[name];
      const settings: TopicSettings = {
        partitions: body.partitions ?? known?.partitions ?? 1,
        retention: known?.retention ?? topics.retention,
        requiredGroups: known?.requiredGroups ?? [],
        ...changeOf(body, known?.retention ?? topics.retention, principal),
      };
      await admin.createTopic(name, settings);
      await openAll(name, settings.partitions);
      return shown(name);
    },
  });

  app.route({
    ...accounts.topic,
    handler: async ({ params, principal }) => {
      if (!isOfRoles(params.topic)) return shown(owned(principal.tenant, params.topic));
      const [state] = await coordinator.topics(params.topic);
      if (state === undefined) throw noTopic(params.topic);
      return systemAnswer(state);
    },
  });

  app.route({
    ...accounts.changeTopic,
    handler: async ({ params, body, principal }) => {
      const name = ownNameOf(params.topic, principal, 'changed');
      const { retention } = await topics.topic(name);
      const { partitions } = body;
      const change = changeOf(body, retention, principal);
      await topics.admin.changeTopic(name, partitions === undefined ? change : { ...change, partitions });
      if (partitions !== undefined) await openAll(name, partitions);
      return shown(name);
    },
  });

  app.route({
    ...accounts.deleteTopic,
    handler: async ({ params, principal }) => {
      const name = ownNameOf(params.topic, principal, 'deleted');
      const { admin } = topics;
      // Also one whose deletion was broken off.
      if (admin.catalogue.topics[name]?.isDeleting !== true) await topics.topic(name);
      await admin.beginDeletion(name);
      await topics.closed(name);
      await admin.endDeletion(name);
      return { topic: params.topic, deleted: true } as const;
    },
  });
}

/** Throws BAD_REQUEST for one of the roles. */
function ownNameOf(topic: string, { tenant }: Principal, what: string): string {
  try {
    assertTopicName(topic);
  } catch (cause) {
    throw new SpillwayError('FORBIDDEN', `${topic} is Spillway's own and cannot be ${what}.`, { cause });
  }
  return owned(tenant, topic);
}

/** Throws BAD_REQUEST. */
function changeOf(
  { retention, maxSize, required }: ChangeTopic,
  before: CreatedTopic['retention'],
  { tenant }: Principal,
): Partial<Omit<TopicSettings, 'partitions'>> {
  const maxAgeMs = retention === undefined ? before.maxAgeMs : (parseDuration(retention) ?? Number.NaN);
  const maxBytes = maxSize === undefined ? before.maxBytes : (parseSize(maxSize) ?? Number.NaN);
  const { retentionLeastMs, retentionMostMs } = TOPIC_LIMITS;
  if (!(maxAgeMs >= retentionLeastMs && maxAgeMs <= retentionMostMs)) {
    const range = `${formatDuration(retentionLeastMs)} to ${formatDuration(retentionMostMs)}`;
    throw new SpillwayError('BAD_REQUEST', `The parameter retention is ${range}.`, {
      details: { parameter: 'retention' },
    });
  }
  if (!(maxBytes >= 1 && maxBytes <= Number.MAX_SAFE_INTEGER)) {
    throw new SpillwayError('BAD_REQUEST', 'The parameter maxSize is not a size.', {
      details: { parameter: 'maxSize' },
    });
  }
  for (const group of required ?? []) assertGroupName(group);
  return {
    retention: { maxAgeMs, maxBytes },
    ...(required === undefined ? {} : { requiredGroups: required.map((group) => owned(tenant, group)).sort() }),
  };
}

/** `name` in the queue. Without a state nobody has said anything of it yet. */
export function createdAnswer(name: string, topic: CreatedTopic, state: TopicState | undefined): TopicAnswer {
  const { tenant = '', name: called = name } = ownerOf(name) ?? {};
  const { retention, requiredGroups, createdMs, partitions } = topic;
  const numbers = Array.from({ length: partitions }, (_, partition) => partition);
  return {
    topic: called,
    tenant,
    created: isoTime(createdMs),
    retention: formatDuration(retention.maxAgeMs),
    maxBytes: retention.maxBytes,
    required: requiredGroups.map((group) => ownerOf(group)?.name ?? group),
    partitions: numbers.map((partition) => {
      const known = state?.partitions.find((one) => one.partition === partition);
      return partitionAnswer(known ?? { partition, earliestOffset: 0, endOffset: 0, bytes: 0, segments: 0 });
    }),
  };
}

export function systemAnswer({ topic, partitions }: TopicState): TopicAnswer {
  return { topic, partitions: partitions.map(partitionAnswer) };
}

function partitionAnswer({ partition, earliestOffset, endOffset, bytes, segments, oldestMs }: PartitionState) {
  return {
    ...{ partition, earliestOffset, endOffset, bytes, segments },
    ...(oldestMs === undefined ? {} : { oldest: isoTime(oldestMs) }),
  };
}
