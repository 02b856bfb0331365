/** Calls that have to work: whatever else the engine answers is thrown. */
import { SpillwayError } from '../../lib/errors.ts';
import { type Answer, type Call, type Client, Unreachable } from './client.ts';
import { problemOf } from './errors.ts';

/** The answer of a call that has to work, made now unless it is given. */
export async function ask(client: Client, call: Call, given?: Answer): Promise<Answer> {
  const answer = given ?? (await client.call(call));
  if (answer.status < 300) return answer;
  throw failed(`OpenSearch refuses ${call.method} ${call.path.split('?')[0]}`, answer);
}

/** What will be another time is Unreachable. */
export function failed(what: string, answer: Answer): Error {
  const { type, reason } = problemOf(answer);
  const message = `${what}: ${type}: ${reason}`.slice(0, 1_000);
  return answer.status >= 500 || answer.status === 429
    ? new Unreachable(message)
    : new SpillwayError('UNAVAILABLE', message);
}
