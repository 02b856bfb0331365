/**
 * Inserts events so that a repeat adds nothing: each is created under its own id, and where that is taken the document
 * is compared. Rows that the engine refuses alone are answered with the reason; what it cannot take now is tried again,
 * with growing pauses, a few times here and then by the indexer for ever.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { JsonValue } from '../../event/event.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Range } from '../journal.ts';
import type { RefusedRecord, SearchWriter, StoredSlice, WriteBatch, WriteBlock } from '../port.ts';
import type { SliceKey } from '../slices.ts';
import { type BulkOutcome, sendBulk } from './bulk.ts';
import type { Client } from './client.ts';
import { DocumentBatch, DocumentBlock, type Prepared, prepare } from './document-block.ts';
import { at, listAt, numberAt } from './json.ts';
import { aliasOf, FIELD, type IndexOptions, parseSliceIndex, sliceIndex, writeAlias } from './mapping.ts';
import type { Need, SliceCatalogue } from './slice-catalogue.ts';
import { ask, failed, SliceIndices, type TypedFields, typedField } from './slice-indices.ts';

const QUIET = 'ignore_unavailable=true&allow_no_indices=true';
/** Names in the path of one request. */
const INDICES_AT_ONCE = 20;

export interface WriterOptions {
  readonly client: Client;
  readonly index: IndexOptions;
  readonly catalogue: SliceCatalogue;
  /** Names the queue of this data folder, whose offsets the rows have. */
  readonly origin: string;
  readonly refreshEveryMs: number;
  readonly log: Logger;
}

export class OpenSearchWriter implements SearchWriter {
  readonly #client: Client;
  readonly #prefix: string;
  readonly #origin: string;
  readonly #refreshEveryMs: number;
  readonly #catalogue: SliceCatalogue;
  readonly #indices: SliceIndices;
  readonly #refreshed = new Map<string, number>();

  constructor({ client, index, catalogue, origin, refreshEveryMs, log }: WriterOptions) {
    this.#client = client;
    this.#prefix = index.prefix;
    this.#catalogue = catalogue;
    this.#origin = origin;
    this.#refreshEveryMs = refreshEveryMs;
    this.#indices = new SliceIndices(client, index, log);
  }

  createBlock(): WriteBlock {
    return new DocumentBlock();
  }

  async insert(batch: WriteBatch): Promise<readonly RefusedRecord[]> {
    if (!(batch instanceof DocumentBatch)) throw new TypeError('a batch of another engine');
    const names = new Map<SliceKey, string>();
    const rows = batch.rows.map((row) => {
      const { slice } = row.placement;
      const index = names.get(slice) ?? sliceIndex(this.#prefix, slice);
      names.set(slice, index);
      return prepare(row, index);
    });
    await this.#catalogue.cover(needsOf(rows));
    const refused: RefusedRecord[] = [];
    let pending: readonly Prepared[] = rows;
    for (let attempt = 1; pending.length > 0; attempt++) {
      const requestBytes = OPENSEARCH_LIMITS.requestBytes >> (attempt - 1);
      const { again, trouble } = await this.#attempt(pending, refused, requestBytes);
      pending = again;
      if (pending.length === 0) break;
      if (attempt === OPENSEARCH_LIMITS.attempts) {
        throw new SpillwayError('UNAVAILABLE', `OpenSearch does not take ${pending.length} events: ${trouble}`);
      }
      await delay(pauseMs(attempt));
    }
    await this.#refresh([...new Set(rows.map(({ index }) => index))]);
    return refused;
  }

  /** What is refused, `insert` says; when it throws, the cluster does not work. */
  async works(): Promise<boolean> {
    return false;
  }

  /** An answer of the engine says that its translog is synced. */
  async settle(): Promise<void> {}
  async settleRange(): Promise<void> {}

  async visibleOffsets({ partition, from, to }: Range): Promise<ReadonlySet<number>> {
    const alias = aliasOf(this.#prefix);
    await ask(this.#client, { method: 'POST', path: `${alias}/_refresh?${QUIET}` });
    const found = new Set<number>();
    const queue = { term: { [FIELD.queue]: `${this.#origin}/${partition}` } };
    for (let next = from; next < to; ) {
      const { body } = await ask(this.#client, {
        method: 'POST',
        path: `${alias}/_search?${QUIET}&allow_partial_search_results=false`,
        body: {
          size: OPENSEARCH_LIMITS.offsetsAtOnce,
          _source: false,
          track_total_hits: false,
          query: { bool: { filter: [queue, { range: { [FIELD.offset]: { gte: next, lt: to } } }] } },
          sort: [FIELD.offset],
        },
      });
      const offsets = listAt(body, 'hits', 'hits').map((hit) => Number(listAt(hit, 'sort')[0]));
      for (const offset of offsets) found.add(offset);
      const last = offsets.at(-1);
      if (last === undefined || offsets.length < OPENSEARCH_LIMITS.offsetsAtOnce) break;
      next = last + 1;
    }
    return found;
  }

  async slices(): Promise<readonly StoredSlice[]> {
    const indices = await this.#catalogue.indices();
    await this.#catalogue.noteExisting(indices);
    return indices.flatMap(({ index, rows, bytes }) => {
      const slice = parseSliceIndex(this.#prefix, index);
      return slice === undefined ? [] : [{ slice, where: index, rows, bytesOnDisk: bytes }];
    });
  }

  async dropSlice(slice: SliceKey): Promise<void> {
    const index = sliceIndex(this.#prefix, slice);
    const answer = await this.#client.call({ method: 'DELETE', path: index });
    if (answer.status !== 200 && answer.status !== 404) throw failed(`The slice ${index} cannot be removed`, answer);
    this.#indices.drop(index);
    this.#refreshed.delete(index);
    await this.#catalogue.remove(index);
  }

  maintain(): () => Promise<void> {
    return async () => {};
  }

  async #attempt(
    rows: readonly Prepared[],
    refused: RefusedRecord[],
    requestBytes: number,
  ): Promise<{ readonly again: readonly Prepared[]; readonly trouble: string | undefined }> {
    const typed = new Map<string, TypedFields>();
    for (const [index, own] of Map.groupBy(rows, (row) => row.index)) {
      const values = own.flatMap((row) => row.typed);
      typed.set(index, await this.#indices.prepare(index, own[0]?.row.placement.tier ?? '', values));
    }
    const lines = (row: Prepared) =>
      row.lines(writeAlias(row.index), this.#origin, (type, name) =>
        Boolean(typed.get(row.index)?.has(typedField(type, name))),
      );
    const again: Prepared[] = [];
    let trouble: string | undefined;
    const chunks = chunksOf(rows, Math.max(requestBytes, OPENSEARCH_LIMITS.requestLeastBytes));
    const sendNext = async (): Promise<void> => {
      for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
        const outcome = await sendBulk(this.#client, chunk, lines);
        if (outcome.tooLarge) {
          if (chunk.length === 1) refused.push(...chunk.map((row) => refusal(row, outcome.trouble ?? 'too large')));
          else chunks.push(chunk.slice(0, chunk.length >> 1), chunk.slice(chunk.length >> 1));
          continue;
        }
        trouble ??= outcome.trouble;
        refused.push(...outcome.refused.map(({ item, reason }) => refusal(item, reason)));
        again.push(...outcome.again, ...(await this.#compare(outcome, refused)));
      }
    };
    await Promise.all(Array.from({ length: OPENSEARCH_LIMITS.requestsAtOnce }, sendNext));
    // An index that is gone is made again.
    for (const { index } of again) this.#indices.forget(index);
    return { again, trouble };
  }

  /** Rows whose id is taken: by the same event nearly always, since it was sent before; else it is refused. */
  async #compare({ conflicts }: BulkOutcome<Prepared>, refused: RefusedRecord[]): Promise<readonly Prepared[]> {
    if (conflicts.length === 0) return [];
    const docs = conflicts.map(({ index, row }) => ({ _index: index, _id: row.event.id, _source: [FIELD.event] }));
    const { body } = await ask(this.#client, { method: 'POST', path: '_mget', body: { docs } });
    const found = listAt(body, 'docs');
    return conflicts.filter((conflict, i) => {
      const stored = at(found[i], '_source', FIELD.event);
      if (stored === undefined) return true;
      if (canonical(stored as JsonValue) !== canonical(JSON.parse(conflict.row.bytes.toString('utf8')))) {
        refused.push(refusal(conflict, `another event has the id ${conflict.row.event.id} in ${conflict.index}`));
      }
      return false;
    });
  }

  /** So often at the most: a refresh makes a segment of its own. */
  async #refresh(indices: readonly string[]): Promise<void> {
    const due = Math.max(0, ...indices.map((index) => (this.#refreshed.get(index) ?? 0) + this.#refreshEveryMs));
    const waitMs = due - performance.now();
    if (waitMs > 0) await delay(waitMs);
    for (let from = 0; from < indices.length; from += INDICES_AT_ONCE) {
      const some = indices.slice(from, from + INDICES_AT_ONCE);
      const { body } = await ask(this.#client, { method: 'POST', path: `${some.join(',')}/_refresh?${QUIET}` });
      if (numberAt(body, '_shards', 'failed') > 0) {
        throw new SpillwayError('UNAVAILABLE', `OpenSearch cannot refresh ${some.join(', ')}.`);
      }
      for (const index of some) this.#refreshed.set(index, performance.now());
    }
  }
}

function needsOf(rows: readonly Prepared[]): Need[] {
  const needs = new Map<string, Need>();
  for (const { index, row } of rows) {
    const { slice, tier } = row.placement;
    const { timestamp } = row.event;
    const known = needs.get(index);
    if (known !== undefined && known.fromMs <= timestamp && known.toMs >= timestamp) continue;
    const fromMs = Math.min(known?.fromMs ?? timestamp, timestamp);
    const toMs = Math.max(known?.toMs ?? timestamp, timestamp);
    needs.set(index, { index, slice, tier, fromMs, toMs });
  }
  return [...needs.values()];
}

function pauseMs(attempt: number): number {
  const { retryDelayMs, retryDelayMaxMs } = OPENSEARCH_LIMITS;
  return Math.min(retryDelayMs * 2 ** (attempt - 1), retryDelayMaxMs) * (0.5 + Math.random() / 2);
}

function chunksOf(rows: readonly Prepared[], requestBytes: number): (readonly Prepared[])[] {
  const chunks: Prepared[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const prepared of rows) {
    // Terms and tokens take about as much again as the event itself, each.
    const size = 3 * prepared.row.bytes.length;
    if (bytes + size > requestBytes) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)?.push(prepared);
    bytes += size;
  }
  return chunks;
}

function refusal({ row }: Prepared, reason: string): RefusedRecord {
  return { ...row.record, value: row.bytes, reason };
}

/** The text of a value with members in one order: the engine keeps neither their order nor how numbers are written. */
function canonical(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()}}`;
}
