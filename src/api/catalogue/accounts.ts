/** Routes that the front door answers, also when the store is dead. */
import * as account from '../schemas/account.ts';
import * as queue from '../schemas/queue.ts';
import * as topics from '../schemas/topics.ts';
import { define } from './define.ts';

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
