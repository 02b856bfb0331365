/** Errors of the engine as those of our registry. */
import { SpillwayError } from '../../lib/errors.ts';
import type { Answer } from './client.ts';
import { at, textAt } from './json.ts';

export interface EngineProblem {
  readonly type: string;
  readonly reason: string;
}

/** The innermost cause of an error document; the type is `http 502` and the like where there is none. */
export function problemOf({ status, body }: Answer): EngineProblem {
  const error = at(body, 'error');
  if (status === 401) {
    return { type: 'http 401', reason: 'the credentials are refused: look at search.username and search.password' };
  }
  return innermost(error) ?? { type: `http ${status}`, reason: typeof body === 'string' ? body.slice(0, 500) : '' };
}

export function innermost(error: unknown): EngineProblem | undefined {
  if (typeof error === 'string') return { type: error, reason: error };
  const [root] = entriesAt(error, 'root_cause').concat(failureOf(error));
  const type = textAt(root, 'type') ?? textAt(error, 'type');
  if (type === undefined) return undefined;
  let reason = textAt(root, 'reason') ?? textAt(error, 'reason') ?? '';
  for (let cause = at(error, 'caused_by'); cause !== undefined; cause = at(cause, 'caused_by')) {
    const text = textAt(cause, 'reason');
    if (text !== undefined && !reason.includes(text)) reason += `: ${text}`;
  }
  return { type, reason };
}

function failureOf(error: unknown): unknown[] {
  return entriesAt(error, 'failed_shards').map((shard) => at(shard, 'reason'));
}

/** None where it is no list: an error may come from anywhere on the way. */
function entriesAt(value: unknown, name: string): unknown[] {
  const list = at(value, name);
  return Array.isArray(list) ? list : [];
}

/** No copy of a part of an index has been started: it is just being made, or its nodes are gone. */
export function isStarting({ status, body }: Answer): boolean {
  const error = at(body, 'error');
  const why = [...entriesAt(error, 'root_cause'), ...failureOf(error)];
  return status === 503 && why.length === 0 && textAt(error, 'type') === 'search_phase_execution_exception';
}

/** One of the indices that were asked is not there. */
export function isGone(answer: Answer): boolean {
  return answer.status === 404 && problemOf(answer).type === 'index_not_found_exception';
}

/** A question took longer than it may, of a cluster that works. */
export function tooLate(cause?: Error): SpillwayError {
  const message = 'The query was stopped at its limit of time. Narrow its range.';
  return new SpillwayError('QUERY_TIMEOUT', message, { cause });
}

/** What a question failed with. */
export function questionError(answer: Answer): SpillwayError {
  const { type, reason } = problemOf(answer);
  const details = `${type}: ${reason}`.slice(0, 1_000);
  const cause = { cause: new Error(details) };
  if (/time_exceeded|Time exceeded/.test(details)) return tooLate(cause.cause);
  if (/circuit_breaking|too_many_buckets.*memory/.test(type)) {
    return new SpillwayError(
      'QUERY_MEMORY',
      'The query needs more memory than OpenSearch has. Narrow its range.',
      cause,
    );
  }
  if (
    type === 'too_many_buckets_exception' ||
    /too_many_(nested_)?clauses|maxClauseCount|nested.*depth/i.test(details)
  ) {
    return new SpillwayError('QUERY_TOO_LARGE', `The query is larger than the cluster allows (${details}).`, cause);
  }
  if (/determiniz|max_determinized_states|max_regex_length/i.test(reason)) {
    return new SpillwayError('QUERY_UNSUPPORTED', 'OpenSearch cannot compile this regular expression.', cause);
  }
  if (/allow_expensive_queries/.test(reason)) {
    const advice = 'Set search.allow_expensive_queries to true in the cluster.';
    return new SpillwayError('QUERY_UNSUPPORTED', `The cluster refuses patterns and ranges of texts. ${advice}`, cause);
  }
  if (type === 'index_closed_exception') {
    const advice = 'Open it (POST INDEX/_open), or remove it.';
    return new SpillwayError('UNAVAILABLE', `A slice of this question is closed in OpenSearch. ${advice}`, cause);
  }
  if (type === 'task_cancelled_exception')
    return new SpillwayError('QUERY_CANCELLED', 'The query was cancelled.', cause);
  if (answer.status === 429) {
    const message = 'OpenSearch is busy and refuses further questions. Ask again in a moment.';
    return new SpillwayError('TOO_MANY_REQUESTS', message, { ...cause, retryAfterS: 1 });
  }
  if (answer.status === 401 || answer.status === 403 || answer.status >= 500) {
    return new SpillwayError('UNAVAILABLE', `OpenSearch does not answer questions now (${details}).`, cause);
  }
  return new SpillwayError('INTERNAL', `OpenSearch refuses a question (${details}).`, cause);
}
