/** `GET /api/histogram`, `/api/stats`, `/api/fields` and `/api/values`. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { SpillwayError } from '../../lib/errors.ts';
import { QUERY_LIMITS } from '../../lib/limits.ts';
import type { HistogramBucket, Question, StatsFunction } from '../../search/port.ts';
import { questions } from '../catalogue/index.ts';
import { bucketStart, chooseInterval, printInterval } from '../interval.ts';
import { isoTime } from '../time.ts';
import { type Asking, answer, fieldOf, fieldsOf, questionOf } from './asking.ts';
import { hintsFor } from './hints.ts';

export function aggregateRoutes(server: FastifyInstance, asking: Asking): void {
  const app = server.withTypeProvider<TypeBoxTypeProvider>();
  const { reader } = asking;

  app.route({
    ...questions.histogram,
    handler: async (request, reply) => {
      const question = questionOf(asking, request, reply, request.query);
      const by = request.query.by === undefined ? undefined : fieldOf(request.query.by, 'by');
      const intervalMs = chooseInterval(request.query.interval ?? 'auto', question.fromMs, question.toMs);
      return answer(asking, question, async () => {
        const found = await reader.histogram({ ...question, intervalMs, ...(by && { by }) });
        const fields = by === undefined ? [] : [by];
        return {
          interval: printInterval(intervalMs),
          intervalMs,
          ...rangeOf(question),
          buckets: withoutGaps(found, question, intervalMs, by !== undefined),
          ...(await hintsFor(reader, question, found.every(saysNothing), fields)),
        };
      });
    },
  });

  app.route({
    ...questions.stats,
    handler: async (request, reply) => {
      const { fn = 'count', limit = QUERY_LIMITS.defaultPage, interval } = request.query;
      const question = questionOf(asking, request, reply, request.query);
      const of = measured(fn, request.query.of);
      const by = fieldsOf(request.query.by, 'by', QUERY_LIMITS.statsBy);
      const intervalMs = interval === undefined ? undefined : chooseInterval(interval, question.fromMs, question.toMs);
      return answer(asking, question, async () => {
        const width = intervalMs === undefined ? {} : { intervalMs };
        const rows = await reader.stats({ ...question, fn, by, limit, ...width, ...(of && { of }) });
        const isUndivided = by.length > 0 && rows.every((row) => row.by.includes(null));
        const isEmpty = isUndivided || rows.every(({ value }) => value === null || value === 0);
        return {
          rows: rows.map(({ by: values, timeMs, value }) => ({
            by: values,
            ...(timeMs === undefined ? {} : { time: isoTime(timeMs) }),
            value,
          })),
          ...(intervalMs === undefined ? {} : { interval: printInterval(intervalMs) }),
          ...rangeOf(question),
          ...(await hintsFor(reader, question, isEmpty, of === undefined ? by : [of, ...by])),
        };
      });
    },
  });

  app.route({
    ...questions.fields,
    handler: async (request, reply) => {
      const question = questionOf(asking, request, reply, request.query);
      return answer(asking, question, async () => {
        const fields = (await reader.fields(question)).slice(0, QUERY_LIMITS.fields);
        return { fields, ...(await hintsFor(reader, question, fields.length === 0)) };
      });
    },
  });

  app.route({
    ...questions.values,
    handler: async (request, reply) => {
      const { field: name, limit = 10 } = request.query;
      const question = questionOf(asking, request, reply, request.query);
      const field = fieldOf(name, 'field');
      return answer(asking, question, async () => {
        const found = await reader.values({ ...question, field, limit });
        return { field: name, ...found, ...(await hintsFor(reader, question, found.total === 0, [field])) };
      });
    },
  });
}

/** Nothing was counted, or nothing of it has the field that it was to be divided by. */
const saysNothing = ({ count, by }: HistogramBucket): boolean =>
  count === 0 || (by !== undefined && Object.keys(by).every((value) => value === ''));

const rangeOf = ({ fromMs, toMs }: Question) => ({ from: isoTime(fromMs), to: isoTime(toMs) });

function measured(fn: StatsFunction, name: string | undefined) {
  if (fn === 'count') {
    if (name === undefined) return undefined;
    throw new SpillwayError('BAD_REQUEST', 'count counts events and takes no `of`; put `_exists_:FIELD` into q.', {
      details: { parameter: 'of' },
    });
  }
  if (name === undefined) {
    throw new SpillwayError('BAD_REQUEST', `${fn} needs a field: say which with of=FIELD.`, {
      details: { parameter: 'of' },
    });
  }
  return fieldOf(name, 'of');
}

function withoutGaps(
  found: readonly HistogramBucket[],
  { fromMs, toMs }: Question,
  intervalMs: number,
  isDivided: boolean,
) {
  const byTime = new Map(found.map((bucket) => [bucket.timeMs, bucket]));
  const buckets = [];
  for (let timeMs = bucketStart(fromMs, intervalMs); timeMs < toMs; timeMs += intervalMs) {
    const bucket = byTime.get(timeMs);
    buckets.push({
      time: isoTime(timeMs),
      count: bucket?.count ?? 0,
      ...(isDivided ? { by: bucket?.by ?? {} } : {}),
    });
  }
  return buckets;
}
