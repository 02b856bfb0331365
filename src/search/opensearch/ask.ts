/** Calls that have to work: whatever else the engine answers is thrown. */
import { SpillwayError } from '../../lib/errors.ts';
import { type Answer, type Call, type Client, Unreachable } from './client.ts';
import { clusterState, makesNoIndex } from './cluster-state.ts';
import { problemOf } from './errors.ts';

/** The answer of a call that has to work, made now unless it is given. */
export async function ask(client: Client, call: Call, given?: Answer): Promise<Answer> {
  const answer = given ?? (await client.call(call));
  if (answer.status < 300) return answer;
  throw failed(`OpenSearch refuses ${call.method} ${call.path.split('?')[0]}`, answer);
}

/** What will be another time is Unreachable. Where the cluster changes nothing at all, that is said instead of what failed. */
export function failed(what: string, answer: Answer): Error {
  const problem = problemOf(answer);
  const state = clusterState(problem);
  const message = `${state ?? what}: ${problem.type}: ${problem.reason}`.slice(0, 1_000);
  if (answer.status >= 500 || answer.status === 429) return new Unreachable(message);
  const isOfAll = (state !== undefined || answer.status === 401 || answer.status === 403) && !makesNoIndex(answer);
  return isOfAll ? new ClusterRefusal('UNAVAILABLE', message) : new SpillwayError('UNAVAILABLE', message);
}

/** The cluster refuses whatever is asked, or whatever this asker asks. */
export class ClusterRefusal extends SpillwayError {}

/** Whether a failure is that of the slice that was asked for: others may take what they get. */
export function isOfSlice(thrown: unknown): boolean {
  return thrown instanceof SpillwayError && thrown.code === 'UNAVAILABLE' && !(thrown instanceof ClusterRefusal);
}
