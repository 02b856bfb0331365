/** Routes of inputs: they read and check their requests themselves, and are documented by this. */
import * as ingest from '../schemas/ingest.ts';
import * as queue from '../schemas/queue.ts';
import * as topics from '../schemas/topics.ts';
import { define } from './define.ts';

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
