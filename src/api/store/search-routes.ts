/** `GET|POST /api/search`, `GET /api/count` and `GET /api/context`. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AnsweredEvent } from '../../event/event.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { HTTP_LIMITS, QUERY_LIMITS } from '../../lib/limits.ts';
import { questions } from '../catalogue/index.ts';
import { readCursor, writeCursor } from '../cursor.ts';
import type { SearchParameters } from '../schemas/search.ts';
import { EARLIEST_MS, LATEST_MS } from '../time.ts';
import { type Asking, answer, fieldsOf, questionOf } from './asking.ts';
import { hintsFor } from './hints.ts';
import { fitting, type Projected, project } from './projection.ts';

export function searchRoutes(server: FastifyInstance, asking: Asking): void {
  const app = server.withTypeProvider<TypeBoxTypeProvider>();
  app.route({
    ...questions.search,
    handler: (request, reply) => search(asking, request.query, request, reply),
  });
  app.route({
    ...questions.searchByPost,
    handler: (request, reply) => search(asking, request.body, request, reply),
  });
  app.route({
    ...questions.count,
    handler: async (request, reply) => {
      const question = questionOf(asking, request, reply, request.query);
      return answer(asking, question, async () => {
        const count = await asking.reader.count(question);
        return { count, ...(await hintsFor(asking.reader, question, count === 0)) };
      });
    },
  });
  app.route({
    ...questions.context,
    handler: async (request, reply) => {
      const { id, before = 10, after = 10 } = request.query;
      const question = questionOf(asking, request, reply, request.query, { from: EARLIEST_MS, to: LATEST_MS });
      return answer(asking, question, async () => {
        const found = await asking.reader.context({ ...question, id, before, after });
        if (found === undefined) throw new SpillwayError('NOT_FOUND', `There is no event ${id} in this range.`);
        return nearest(found);
      });
    },
  });
}

async function search(asking: Asking, parameters: SearchParameters, request: FastifyRequest, reply: FastifyReply) {
  const { limit = QUERY_LIMITS.defaultPage, order = 'desc', q = '', from = '', to = '', after } = parameters;
  const fields = projectionOf(parameters.fields);
  const owner = [request.principal.tenant, q, from, to, order];
  const page = after === undefined ? undefined : readCursor(after, owner);
  const range = page === undefined ? parameters : { q, from: page.fromMs, to: page.toMs };
  const question = questionOf(asking, request, reply, range);
  const { events, ...rest } = await answer(asking, question, async () => {
    const found = await asking.reader.search({ ...question, limit, order, ...(page && { after: page.after }) });
    const texts = fitting(
      fields === undefined ? found.events : found.events.map((event) => project(event, fields)),
      HTTP_LIMITS.answerBytes,
    );
    const last = found.events[texts.length - 1];
    const more = found.more || texts.length < found.events.length;
    const { fromMs, toMs } = question;
    const next = more && last !== undefined ? writeCursor({ fromMs, toMs, after: placeOf(last) }, owner) : undefined;
    const isEmpty = found.events.length === 0 && page === undefined;
    return { events: texts, ...(next && { next }), ...(await hintsFor(asking.reader, question, isEmpty)) };
  });
  // The events are texts already: measured once, not written twice.
  return reply
    .type('application/json; charset=utf-8')
    .send(`{"events":[${events.join(',')}],${JSON.stringify(rest).slice(1)}`);
}

const placeOf = ({ timestamp, id }: AnsweredEvent) => ({ timestampMs: Date.parse(timestamp), id });

function projectionOf(names: string | undefined): readonly Projected[] | undefined {
  if (names === undefined) return undefined;
  return fieldsOf(names, 'fields', QUERY_LIMITS.projectedFields).map((field) =>
    field.root === 'payload' && field.path.join('.') === 'original' ? { root: 'original' } : field,
  );
}

/** Drops the farthest neighbours where all together would be too large an answer. */
function nearest(found: {
  readonly before: readonly AnsweredEvent[];
  readonly event: AnsweredEvent;
  readonly after: readonly AnsweredEvent[];
}) {
  const before = fitting(found.before.toReversed(), HTTP_LIMITS.answerBytes / 2).length;
  const after = fitting(found.after, HTTP_LIMITS.answerBytes / 2).length;
  return {
    before: found.before.slice(found.before.length - before),
    event: found.event,
    after: found.after.slice(0, after),
  };
}
