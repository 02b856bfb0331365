import type { Answer } from '../search/opensearch/client.ts';
import { problemOf } from '../search/opensearch/errors.ts';
import { type Finding, unknown, wrong } from './finding.ts';

/** The finding where the cluster does not answer a question of a check: for want of a right, or otherwise. */
export function notTold(answer: Answer, what: string, right: string): Finding {
  if (answer.status === 401 || answer.status === 403) {
    return unknown(`it does not tell this user ${what} (that needs ${right})`);
  }
  const { type, reason } = problemOf(answer);
  return wrong(`it does not say ${what}: ${type} ${reason}`.slice(0, 500), 'Look at the log of its nodes.');
}
