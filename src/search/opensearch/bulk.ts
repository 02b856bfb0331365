/** One bulk request, and what became of each of its rows. */
import { messageOf } from '../../lib/errors.ts';
import { type Answer, type Client, Unreachable } from './client.ts';
import { innermost, problemOf } from './errors.ts';
import { at, listAt, numberAt } from './json.ts';

export interface BulkOutcome<T> {
  /** There was a document of that id before. */
  readonly conflicts: readonly T[];
  /** The engine cannot take these, ever. */
  readonly refused: readonly { readonly item: T; readonly reason: string }[];
  /** They may go another time. */
  readonly again: readonly T[];
  /** Why, where there is any. */
  readonly trouble: string | undefined;
  /** The request was too large for the engine. */
  readonly tooLarge: boolean;
}

const PATH = '_bulk?require_alias=true';
const REQUEST_TOO_LARGE = 413;

export async function sendBulk<T>(
  client: Client,
  items: readonly T[],
  lines: (item: T) => Buffer,
): Promise<BulkOutcome<T>> {
  let answer: Answer;
  try {
    answer = await client.call({ method: 'POST', path: PATH, body: items.map(lines) });
  } catch (thrown) {
    if (!(thrown instanceof Unreachable)) throw thrown;
    return allAgain(items, messageOf(thrown), false);
  }
  if (answer.status !== 200) {
    const { type, reason } = problemOf(answer);
    return allAgain(items, `${type}: ${reason}`, answer.status === REQUEST_TOO_LARGE);
  }
  const outcome = { conflicts: [] as T[], refused: [] as { item: T; reason: string }[], again: [] as T[] };
  let trouble: string | undefined;
  const results = listAt(answer.body, 'items');
  for (const [i, item] of items.entries()) {
    const result = at(results[i], 'create');
    const status = result === undefined ? 0 : numberAt(result, 'status');
    if (status === 201) continue;
    if (status === 409) {
      outcome.conflicts.push(item);
      continue;
    }
    const { type, reason } = innermost(at(result, 'error')) ?? { type: `status ${status}`, reason: '' };
    const text = `${type}: ${reason}`.slice(0, 2_000);
    if (status === 400 && isAboutDocument(type)) outcome.refused.push({ item, reason: text });
    else {
      outcome.again.push(item);
      trouble ??= text;
    }
  }
  return { ...outcome, trouble, tooLarge: false };
}

/**
 * Types of refusals that a document causes itself. Anything else (blocked or closed indices, no room for shards) is
 * about the cluster: the row waits.
 */
function isAboutDocument(type: string): boolean {
  return /^(mapper_parsing|document_parsing|parse|x_content_parse|json_parse|parsing|strict_dynamic_mapping|max_bytes_length_exceeded|illegal_argument)_?(exception)?$/.test(
    type,
  );
}

function allAgain<T>(items: readonly T[], trouble: string, tooLarge: boolean): BulkOutcome<T> {
  return { conflicts: [], refused: [], again: items, trouble, tooLarge };
}
