/** Routes that the store answers. */
import * as aggregate from '../schemas/aggregate.ts';
import * as context from '../schemas/context.ts';
import * as queue from '../schemas/queue.ts';
import * as search from '../schemas/search.ts';
import * as slices from '../schemas/slices.ts';
import { define } from './define.ts';

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
