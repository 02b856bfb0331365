/** From the parameters of a request to a question for the reader, and from its result to an answer. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../lib/clock.ts';
import { SpillwayError } from '../../lib/errors.ts';
import type { FieldRef } from '../../query/ast.ts';
import { resolveField } from '../../query/fields.ts';
import { parseQuery } from '../../query/parse.ts';
import type { Question, SearchReader } from '../../search/port.ts';
import { isoTime, parseTime } from '../time.ts';

/** What the routes of the store work with. */
export interface Asking {
  readonly reader: SearchReader;
  readonly clock: Clock;
  /** Aborted when the server has to end now. */
  readonly closing: AbortSignal;
}

export interface Selected {
  readonly q?: string;
  readonly from?: string | number;
  readonly to?: string | number;
}

export interface Defaults {
  readonly from: string | number;
  readonly to: string | number;
}

const LAST_QUARTER_OF_AN_HOUR: Defaults = { from: 'now-15m', to: 'now' };

/** Throws BAD_REQUEST and what parseQuery throws. */
export function questionOf(
  asking: Asking,
  request: FastifyRequest,
  reply: FastifyReply,
  selected: Selected,
  defaults: Defaults = LAST_QUARTER_OF_AN_HOUR,
): Question {
  const nowMs = asking.clock.now();
  const fromMs = parseTime(selected.from ?? defaults.from, nowMs, 'from', 'start');
  const toMs = parseTime(selected.to ?? defaults.to, nowMs, 'to', 'end');
  if (fromMs > toMs) {
    throw new SpillwayError(
      'BAD_REQUEST',
      `The range ends before it begins: from is ${isoTime(fromMs)}, to is ${isoTime(toMs)}.`,
      { details: { parameter: 'from' } },
    );
  }
  const query = parseQuery(selected.q ?? '');
  return { tenant: request.principal.tenant, query, fromMs, toMs, signal: signalOf(reply, asking.closing) };
}

/** Aborts when the client goes before its answer is complete, or the server has to end. */
export function signalOf(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  if (reply.raw.destroyed) gone.abort();
  return AbortSignal.any([gone.signal, closing]);
}

/**
 * The answer with what every answer says of itself. How complete the store was is asked before the work: what becomes
 * visible while it runs may or may not be in it.
 */
export async function answer<T extends object>(
  { reader }: Asking,
  { tenant, fromMs, toMs }: Question,
  work: () => Promise<T>,
): Promise<T & { completeTo: string; tookMs: number }> {
  const completeTo = isoTime(reader.completeToMs(tenant, fromMs, toMs));
  const startedMs = performance.now();
  const result = await work();
  return { ...result, completeTo, tookMs: Math.round((performance.now() - startedMs) * 10) / 10 };
}

/** The fields of a list of names. Throws BAD_REQUEST. */
export function fieldsOf(names: string | undefined, parameter: string, most: number): FieldRef[] {
  if (names === undefined) return [];
  const list = names.split(',').map((name) => name.trim());
  if (list.length > most) {
    throw new SpillwayError('BAD_REQUEST', `The parameter ${parameter} has more than ${most} names.`, {
      details: { parameter, limit: most },
    });
  }
  return list.map((name) => fieldOf(name, parameter));
}

export function fieldOf(name: string, parameter: string): FieldRef {
  const field = resolveField(name);
  if (name === '' || (field.root !== 'own' && field.path.some((key) => key === ''))) {
    throw new SpillwayError('BAD_REQUEST', `The parameter ${parameter} names a field without a name.`, {
      details: { parameter },
    });
  }
  return field;
}
