/**
 * Every route of ours: address, who may ask, and the schemas that validate, type and document it. The store serves the
 * questions; the front door streams them to the store, and serves the rest itself. Both documents are made of this.
 */
import type { FastifyContextConfig, FastifySchema } from 'fastify';
import type { TSchema } from 'typebox';
import type { Scope } from '../lib/principal.ts';
import * as account from './schemas/account.ts';
import * as aggregate from './schemas/aggregate.ts';
import * as context from './schemas/context.ts';
import * as ingest from './schemas/ingest.ts';
import { ProblemSchema } from './schemas/problem.ts';
import * as queue from './schemas/queue.ts';
import * as search from './schemas/search.ts';
import * as slices from './schemas/slices.ts';
import * as topics from './schemas/topics.ts';

export interface RouteSchemas {
  readonly querystring?: TSchema;
  readonly params?: TSchema;
  readonly body?: TSchema;
  readonly headers?: TSchema;
  /** Media types of the body. */
  readonly consumes?: string[];
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface About {
  readonly method: Method;
  readonly url: string;
  readonly scope: Scope | 'nobody';
  readonly summary: string;
  readonly answer: TSchema;
  /** Media type of the answer where it is not JSON. */
  readonly produces?: string;
  readonly anyHost?: boolean;
}

/** A route without the types of its parts, for those who treat all alike. */
export interface Route {
  readonly method: Method;
  readonly url: string;
  readonly config: FastifyContextConfig;
  readonly schema: FastifySchema;
}

function define<S extends RouteSchemas>(about: About, schemas: S) {
  const { method, url, scope, summary, answer, produces, anyHost = false } = about;
  const ok =
    produces === undefined
      ? { description: 'The answer.', content: { 'application/json': { schema: answer } } }
      : { description: 'The answer.', content: { [produces]: { schema: answer } } };
  const problem = {
    description: 'A problem (RFC 9457).',
    content: { 'application/problem+json': { schema: ProblemSchema } },
  };
  const response: Record<string, object> = { 200: ok, '4xx': problem, '5xx': problem };
  return {
    method,
    url,
    config: { scope, anyHost },
    schema: { ...schemas, summary, operationId: nameOf(method, url), response },
  };
}

/** `GET /api/topics/:topic/records` is `getTopicsRecords`, and `GET /api/topics/:topic` is `getTopicsByTopic`. */
function nameOf(method: string, url: string): string {
  const words = url
    .replace(/\/:(\w+)$/, '/by/$1')
    .split('/')
    .filter((word) => word !== '' && word !== 'api' && !word.startsWith(':'));
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

/** Answered by the store. */
export const questions = {
  search: define(
    { method: 'GET', url: '/api/search', scope: 'read', summary: 'Find events', answer: search.SearchAnswerSchema },
    { querystring: search.SearchQuestionSchema },
  ),
  searchByPost: define(
    {
      method: 'POST',
      url: '/api/search',
      scope: 'read',
      summary: 'Find events, for long queries',
      answer: search.SearchAnswerSchema,
    },
    { body: search.SearchQuestionSchema, querystring: queue.NoParametersSchema },
  ),
  count: define(
    { method: 'GET', url: '/api/count', scope: 'read', summary: 'Count events', answer: search.CountAnswerSchema },
    { querystring: search.CountQuestionSchema },
  ),
  histogram: define(
    {
      method: 'GET',
      url: '/api/histogram',
      scope: 'read',
      summary: 'Count events over time',
      answer: aggregate.HistogramAnswerSchema,
    },
    { querystring: aggregate.HistogramQuestionSchema },
  ),
  fields: define(
    {
      method: 'GET',
      url: '/api/fields',
      scope: 'read',
      summary: 'Which fields events have',
      answer: aggregate.FieldsAnswerSchema,
    },
    { querystring: aggregate.FieldsQuestionSchema },
  ),
  values: define(
    {
      method: 'GET',
      url: '/api/values',
      scope: 'read',
      summary: 'The most frequent values of a field',
      answer: aggregate.ValuesAnswerSchema,
    },
    { querystring: aggregate.ValuesQuestionSchema },
  ),
  stats: define(
    {
      method: 'GET',
      url: '/api/stats',
      scope: 'read',
      summary: 'Statistics of a field',
      answer: aggregate.StatsAnswerSchema,
    },
    { querystring: aggregate.StatsQuestionSchema },
  ),
  context: define(
    {
      method: 'GET',
      url: '/api/context',
      scope: 'read',
      summary: 'The neighbours of an event',
      answer: context.ContextAnswerSchema,
    },
    { querystring: context.ContextQuestionSchema },
  ),
  slices: define(
    {
      method: 'GET',
      url: '/api/slices',
      scope: 'read',
      summary: 'Where events are: slices, and which of them questions touch',
      answer: slices.SlicesAnswerSchema,
    },
    { querystring: slices.SlicesQuestionSchema },
  ),
  tail: define(
    {
      method: 'GET',
      url: '/api/tail',
      scope: 'read',
      summary: 'Events as they arrive (server-sent events)',
      answer: context.TailStreamSchema,
      produces: 'text/event-stream',
    },
    { querystring: context.TailQuestionSchema },
  ),
} as const;

/** Answered by the front door, also when the store is dead. */
export const accounts = {
  ledger: define(
    {
      method: 'GET',
      url: '/api/ledger',
      scope: 'read',
      summary: 'What was accepted and what became of it',
      answer: account.LedgerAnswerSchema,
    },
    { querystring: account.LedgerQuestionSchema },
  ),
  status: define(
    {
      method: 'GET',
      url: '/api/status',
      scope: 'read',
      summary: 'The roles, and who you are',
      answer: account.StatusAnswerSchema,
    },
    { querystring: queue.NoParametersSchema },
  ),
  topics: define(
    {
      method: 'GET',
      url: '/api/topics',
      scope: 'read',
      summary: 'The topics of the queue',
      answer: queue.TopicsAnswerSchema,
    },
    { querystring: queue.NoParametersSchema },
  ),
  records: define(
    {
      method: 'GET',
      url: '/api/topics/:topic/records',
      scope: 'read',
      summary: 'Read records of the queue',
      answer: queue.RecordsAnswerSchema,
    },
    { params: queue.RecordsPathSchema, querystring: queue.RecordsQuestionSchema },
  ),
  groups: define(
    {
      method: 'GET',
      url: '/api/groups',
      scope: 'read',
      summary: 'Consumer groups and their lag',
      answer: queue.GroupsAnswerSchema,
    },
    { querystring: queue.NoParametersSchema },
  ),
  addPartitions: define(
    {
      method: 'POST',
      url: '/api/topics/partitions',
      scope: 'admin',
      summary: 'Add partitions to raw and events while they are used',
      answer: queue.AddPartitionsAnswerSchema,
    },
    { body: queue.AddPartitionsQuestionSchema, querystring: queue.NoParametersSchema },
  ),
  createTopic: define(
    {
      method: 'PUT',
      url: '/api/topics/:topic',
      scope: 'admin',
      summary: 'Create a topic; the same again changes nothing',
      answer: queue.TopicSchema,
    },
    { params: queue.RecordsPathSchema, body: topics.CreateTopicSchema, querystring: queue.NoParametersSchema },
  ),
  topic: define(
    { method: 'GET', url: '/api/topics/:topic', scope: 'read', summary: 'One topic', answer: queue.TopicSchema },
    { params: queue.RecordsPathSchema, querystring: queue.NoParametersSchema },
  ),
  changeTopic: define(
    {
      method: 'PATCH',
      url: '/api/topics/:topic',
      scope: 'admin',
      summary: 'Change the retention of a topic or the groups that it waits for, or add partitions',
      answer: queue.TopicSchema,
    },
    { params: queue.RecordsPathSchema, body: topics.ChangeTopicSchema, querystring: queue.NoParametersSchema },
  ),
  deleteTopic: define(
    {
      method: 'DELETE',
      url: '/api/topics/:topic',
      scope: 'admin',
      summary: 'Delete a topic with all of its records',
      answer: topics.TopicDeletedSchema,
    },
    { params: queue.RecordsPathSchema, querystring: queue.NoParametersSchema },
  ),
  group: define(
    {
      method: 'GET',
      url: '/api/groups/:group',
      scope: 'read',
      summary: 'One consumer group',
      answer: queue.GroupSchema,
    },
    { params: topics.GroupPathSchema, querystring: queue.NoParametersSchema },
  ),
  deleteGroup: define(
    {
      method: 'DELETE',
      url: '/api/groups/:group',
      scope: 'admin',
      summary: 'Delete a group without members, with all that it has committed',
      answer: topics.GroupDeletedSchema,
    },
    { params: topics.GroupPathSchema, querystring: queue.NoParametersSchema },
  ),
  resetOffsets: define(
    {
      method: 'POST',
      url: '/api/groups/:group/offsets',
      scope: 'read',
      summary: 'Set where a group without members goes on',
      answer: topics.OffsetsAnswerSchema,
    },
    { params: topics.GroupPathSchema, body: topics.ResetOffsetsSchema, querystring: queue.NoParametersSchema },
  ),
  join: define(
    {
      method: 'POST',
      url: '/api/groups/:group/members',
      scope: 'read',
      summary: 'Join a group, as a new member',
      answer: topics.MemberSchema,
    },
    { params: topics.GroupPathSchema, body: topics.JoinSchema, querystring: queue.NoParametersSchema },
  ),
  member: define(
    {
      method: 'GET',
      url: '/api/groups/:group/members/:member',
      scope: 'read',
      summary: 'What a member has; says that it is alive',
      answer: topics.MemberSchema,
    },
    { params: topics.MemberPathSchema, querystring: queue.NoParametersSchema },
  ),
  consume: define(
    {
      method: 'GET',
      url: '/api/groups/:group/members/:member/records',
      scope: 'read',
      summary: 'The next records for a member',
      answer: topics.ConsumedSchema,
    },
    { params: topics.MemberPathSchema, querystring: topics.ConsumeQuestionSchema },
  ),
  commit: define(
    {
      method: 'POST',
      url: '/api/groups/:group/members/:member/commit',
      scope: 'read',
      summary: 'Commit how far a member has come; the answer comes when it is durable',
      answer: topics.OffsetsAnswerSchema,
    },
    { params: topics.MemberPathSchema, body: topics.CommitSchema, querystring: queue.NoParametersSchema },
  ),
  leave: define(
    {
      method: 'DELETE',
      url: '/api/groups/:group/members/:member',
      scope: 'read',
      summary: 'Leave a group',
      answer: topics.LeftSchema,
    },
    { params: topics.MemberPathSchema, querystring: queue.NoParametersSchema },
  ),
  metrics: define(
    {
      method: 'GET',
      url: '/metrics',
      scope: 'admin',
      summary: 'Metrics of all roles for Prometheus',
      answer: account.MetricsTextSchema,
      produces: 'text/plain; version=0.0.4',
    },
    {},
  ),
} as const;

/** Answered by both. */
export const probes = {
  live: define(
    {
      method: 'GET',
      url: '/health/live',
      scope: 'nobody',
      anyHost: true,
      summary: 'Whether the process runs',
      answer: account.HealthAnswerSchema,
    },
    {},
  ),
  ready: define(
    {
      method: 'GET',
      url: '/health/ready',
      scope: 'nobody',
      anyHost: true,
      summary: 'Whether it can do its work',
      answer: account.HealthAnswerSchema,
    },
    {},
  ),
} as const;

/** Routes of inputs: they read and check their requests themselves, and are documented by this. */
export const inputs = {
  logs: define(
    {
      method: 'POST',
      url: '/api/logs',
      scope: 'ingest',
      summary: 'Send logs; the answer comes when they are durable',
      answer: ingest.LogsAnswerSchema,
    },
    {
      querystring: ingest.LogsQuestionSchema,
      headers: ingest.LogsHeadersSchema,
      body: ingest.LogsBodySchema,
      consumes: ['application/json', 'application/x-ndjson', 'text/plain'],
    },
  ),
  produce: define(
    {
      method: 'POST',
      url: '/api/topics/:topic/records',
      scope: 'ingest',
      summary: 'Append records to a topic; the answer comes when they are durable',
      answer: topics.ProducedSchema,
    },
    {
      params: queue.RecordsPathSchema,
      querystring: topics.ProduceQuestionSchema,
      headers: ingest.LogsHeadersSchema,
      body: topics.ProduceBodySchema,
      consumes: ['application/json', 'application/x-ndjson', 'text/plain', 'application/octet-stream'],
    },
  ),
} as const;
