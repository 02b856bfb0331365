/** The parameters of `POST /api/logs`: what fills in where a line lacks it. */
import { SpillwayError } from '../../../lib/errors.ts';
import { COLLECT_LIMITS } from '../../../lib/limits.ts';

const NAMES = ['team', 'app', 'host'] as const;

export type LogsQuery = { readonly [Name in (typeof NAMES)[number]]?: string };

/** Throws UNKNOWN_PARAMETER, BAD_REQUEST. */
export function logsQuery(query: unknown): LogsQuery {
  const given = Object.entries(query ?? {});
  for (const [name, value] of given) {
    if (!NAMES.some((known) => known === name)) {
      throw new SpillwayError('UNKNOWN_PARAMETER', `There is no parameter "${name}" here, but ${NAMES.join(', ')}.`);
    }
    if (typeof value !== 'string') throw new SpillwayError('BAD_REQUEST', `The parameter ${name} is given twice.`);
    if (Buffer.byteLength(value) > COLLECT_LIMITS.httpParameterBytes) {
      throw new SpillwayError(
        'BAD_REQUEST',
        `The parameter ${name} is over ${COLLECT_LIMITS.httpParameterBytes} bytes.`,
      );
    }
  }
  return Object.fromEntries(given.filter(([, value]) => value !== ''));
}
