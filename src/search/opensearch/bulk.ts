/** One bulk request, and what became of each of its rows. */
import { messageOf } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { type Answer, type Client, Unreachable } from './client.ts';
import type { Row } from './document-block.ts';
import { innermost, problemOf } from './errors.ts';
import { at, listAt, numberAt } from './json.ts';
import { isAboutDocument, isAboutSlice } from './refusals.ts';

export interface HeldRow {
  readonly row: Row;
  readonly reason: string;
}

export interface BulkOutcome {
  /** There was a document of that id before. */
  readonly conflicts: readonly Row[];
  /** The engine cannot take these, ever. */
  readonly refused: readonly HeldRow[];
  /** The cluster takes these another time. */
  readonly again: readonly Row[];
  /** Why, where there is any. */
  readonly trouble: string | undefined;
  /** Their slice takes nothing, for a reason of its own. */
  readonly held: readonly HeldRow[];
  /** The request was too large for the engine. */
  readonly tooLarge: boolean;
}

/** Of what is answered about each row, what is read of it. */
const ANSWER = 'filter_path=error,items.*.status,items.*.error';
/**
 * A document goes in as it was made, whatever pipeline an index or a template names (`_none`). What waits for a shard that
 * no node has is answered after so long; the other rows of the request are written meanwhile.
 */
const pathOf = (shardWaitMs: number): string =>
  `_bulk?require_alias=true&pipeline=_none&timeout=${shardWaitMs}ms&${ANSWER}`;
export const BULK_PATH = pathOf(OPENSEARCH_LIMITS.shardWaitMs);
const REQUEST_TOO_LARGE = 413;
const DROPPED = 'nothing was stored, as where a pipeline drops it';

export async function sendBulk(
  client: Client,
  rows: readonly Row[],
  shardWaitMs: number = OPENSEARCH_LIMITS.shardWaitMs,
): Promise<BulkOutcome> {
  let answer: Answer;
  try {
    answer = await client.call({ method: 'POST', path: pathOf(shardWaitMs), body: joined(rows) });
  } catch (thrown) {
    if (!(thrown instanceof Unreachable)) throw thrown;
    return allAgain(rows, messageOf(thrown), false);
  }
  if (answer.status !== 200) {
    const { type, reason } = problemOf(answer);
    if (answer.status === REQUEST_TOO_LARGE) return allAgain(rows, tooLarge(rows, reason), true);
    return allAgain(rows, `${type}: ${reason}`, false);
  }
  const outcome = { conflicts: [] as Row[], refused: [] as HeldRow[], again: [] as Row[], held: [] as HeldRow[] };
  let trouble: string | undefined;
  const results = listAt(answer.body, 'items');
  for (const [i, row] of rows.entries()) {
    const result = at(results[i], 'create');
    const status = result === undefined ? 0 : numberAt(result, 'status');
    // Any other, 200 too, which the answer does not count as an error, says that the row is not stored.
    if (status === 201) continue;
    if (status === 409) {
      outcome.conflicts.push(row);
      continue;
    }
    const problem = innermost(at(result, 'error')) ?? {
      type: `status ${status}`,
      reason: status === 200 ? DROPPED : '',
    };
    const text = `${problem.type}: ${problem.reason}`.slice(0, OPENSEARCH_LIMITS.troubleChars);
    if (status === 400 && isAboutDocument(problem)) outcome.refused.push({ row, reason: text });
    else if (status > 0 && isAboutSlice(problem)) outcome.held.push({ row, reason: text });
    else {
      outcome.again.push(row);
      trouble ??= text;
    }
  }
  return { ...outcome, trouble, tooLarge: false };
}

function allAgain(rows: readonly Row[], trouble: string, tooLarge: boolean): BulkOutcome {
  return { conflicts: [], refused: [], again: rows, held: [], trouble, tooLarge };
}

/** OpenSearch itself says nothing with it, a proxy often a page. */
function tooLarge(rows: readonly Row[], said: string): string {
  const bytes = bytesOf(rows).toLocaleString('en');
  const what = `http 413: as it is sent to OpenSearch this takes ${bytes} bytes, and the cluster, or a proxy before it, takes no request of that size`;
  const limit =
    'the limit of the cluster is http.max_content_length in opensearch.yml, that of nginx client_max_body_size';
  return `${what} (${limit})${said === '' ? '' : `: ${said}`}`;
}

export function bytesOf(rows: readonly Row[]): number {
  return rows.reduce((sum, { lines }) => sum + lines.length, 0);
}

/** Lines that lie one behind the other in one buffer are one piece. */
function joined(rows: readonly Row[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (const { lines } of rows) {
    const last = pieces.at(-1);
    if (last !== undefined && last.buffer === lines.buffer && last.byteOffset + last.length === lines.byteOffset) {
      pieces[pieces.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + lines.length);
    } else pieces.push(lines);
  }
  return pieces;
}
