/**
 * Sends rows in requests that the cluster takes, and finds out what became of each: a row whose id is taken is compared with
 * what is there, and of one that is refused for what it is it is looked whether a pipeline has made it that.
 */
import type { JsonValue } from '../../event/event.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { RefusedRecord } from '../port.ts';
import { ask } from './ask.ts';
import { type BulkOutcome, bytesOf, type HeldRow, sendBulk } from './bulk.ts';
import type { Client } from './client.ts';
import type { Row } from './document-block.ts';
import { innermost } from './errors.ts';
import { at, listAt } from './json.ts';
import { FIELD } from './mapping.ts';
import type { SliceIndices } from './slice-indices.ts';

/** What became of rows that are not stored. */
export interface Sent {
  readonly refused: readonly RefusedRecord[];
  /** The cluster takes these another time. */
  readonly again: readonly Row[];
  /** Why, where that is known. */
  readonly trouble: string | undefined;
  /** Their slice takes nothing. */
  readonly held: readonly HeldRow[];
}

const NOTHING: Sent = { refused: [], again: [], trouble: undefined, held: [] };

export class Sending {
  readonly #client: Client;
  readonly #indices: SliceIndices;
  /** Less where the cluster, or what stands before it, has refused larger ones for their size. */
  #requestBytes: number = OPENSEARCH_LIMITS.requestBytes;

  constructor(client: Client, indices: SliceIndices) {
    this.#client = client;
    this.#indices = indices;
  }

  /** `shift`: each is half as large as one of before. A shard that no node has is waited for so long. */
  async send(rows: readonly Row[], shift: number, shardWaitMs: number): Promise<Sent> {
    const sent = { refused: [] as RefusedRecord[], again: [] as Row[], held: [] as HeldRow[] };
    let trouble: string | undefined;
    const requestBytes = Math.max(this.#requestBytes >> shift, OPENSEARCH_LIMITS.requestLeastBytes);
    const chunks = chunksOf(rows, requestBytes);
    const sendNext = async (): Promise<void> => {
      for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
        const outcome = await sendBulk(this.#client, chunk, shardWaitMs);
        if (outcome.tooLarge) {
          if (chunk.length === 1)
            sent.refused.push(...chunk.map((row) => refusal(row, outcome.trouble ?? 'too large')));
          else {
            this.#requestBytes = Math.min(this.#requestBytes, bytesOf(chunk) >> 1);
            chunks.push(chunk.slice(0, chunk.length >> 1), chunk.slice(chunk.length >> 1));
          }
          continue;
        }
        trouble ??= outcome.trouble;
        sent.again.push(...outcome.again);
        sent.held.push(...outcome.held);
        for (const found of [await this.#changed(outcome), await this.#compared(outcome)]) {
          trouble ??= found.trouble;
          sent.refused.push(...found.refused);
          sent.again.push(...found.again);
          sent.held.push(...found.held);
        }
      }
    };
    await Promise.all(Array.from({ length: OPENSEARCH_LIMITS.requestsAtOnce }, sendNext));
    return { ...sent, trouble };
  }

  /** Of what is refused for what it is, the rows of which a pipeline made that: they are good themselves. */
  async #changed({ refused: rows }: BulkOutcome): Promise<Sent> {
    if (rows.length === 0) return NOTHING;
    const piped = await this.#indices.piped(rows.map(({ row: { index } }) => index));
    const refused = rows.flatMap(({ row, reason }) => (piped.has(row.index) ? [] : [refusal(row, reason)]));
    const held = rows.flatMap(({ row }) => {
      const reason = piped.get(row.index);
      return reason === undefined ? [] : [{ row, reason }];
    });
    return { ...NOTHING, refused, held };
  }

  /** Rows whose id is taken: by the same event nearly always, since it was sent before; else it is refused. */
  async #compared({ conflicts }: BulkOutcome): Promise<Sent> {
    if (conflicts.length === 0) return NOTHING;
    const docs = conflicts.map(({ index, id }) => ({ _index: index, _id: id, _source: [FIELD.event] }));
    const { body } = await ask(this.#client, { method: 'POST', path: '_mget', body: { docs } });
    const found = listAt(body, 'docs');
    const sent = { refused: [] as RefusedRecord[], again: [] as Row[], held: [] as HeldRow[], trouble: undefined };
    for (const [i, row] of conflicts.entries()) {
      const stored = at(found[i], '_source', FIELD.event);
      if (stored === undefined) {
        const problem = innermost(at(found[i], 'error'));
        if (problem === undefined) sent.again.push(row);
        else
          sent.held.push({
            row,
            reason: `${problem.type}: ${problem.reason}`.slice(0, OPENSEARCH_LIMITS.troubleChars),
          });
      } else if (canonical(stored as JsonValue) !== canonical(JSON.parse(row.bytes.toString('utf8')))) {
        sent.refused.push(refusal(row, `another event has the id ${row.id} in ${row.index}`));
      }
    }
    return sent;
  }
}

function chunksOf(rows: readonly Row[], requestBytes: number): (readonly Row[])[] {
  const chunks: Row[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    if (bytes + row.lines.length > requestBytes) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)?.push(row);
    bytes += row.lines.length;
  }
  return chunks;
}

function refusal({ record, bytes }: Row, reason: string): RefusedRecord {
  return { ...record, value: Buffer.from(bytes), reason };
}

/** The text of a value with members in one order: the engine keeps neither their order nor how numbers are written. */
function canonical(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()}}`;
}
