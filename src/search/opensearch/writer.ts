/**
 * Inserts events so that a repeat adds nothing: each is created under its own id, and where that is taken the document
 * is compared. Rows that the engine refuses alone are answered with the reason; what it cannot take now is tried again,
 * with growing pauses, a few times here and then by the indexer for ever.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { JsonValue } from '../../event/event.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Range } from '../journal.ts';
import type { RefusedRecord, SearchWriter, StoredSlice, WriteBatch, WriteBlock } from '../port.ts';
import { expiryOf, type SliceKey } from '../slices.ts';
import { ask, failed } from './ask.ts';
import { type BulkOutcome, bytesOf, sendBulk } from './bulk.ts';
import type { Client } from './client.ts';
import { DocumentBatch, DocumentBlock, type Row } from './document-block.ts';
import { innermost } from './errors.ts';
import type { Wanted } from './field-budget.ts';
import { namesForPaths, WHERE_THERE } from './index-names.ts';
import { at, listAt, numberAt } from './json.ts';
import { FIELD, type IndexOptions, parseSliceIndex, sliceIndex } from './mapping.ts';
import { adviceOn } from './refusals.ts';
import type { CataloguedSlice, SliceCatalogue } from './slice-catalogue.ts';
import { SliceIndices } from './slice-indices.ts';
import type { Need } from './slice-notes.ts';
import { StoredRows } from './stored-rows.ts';
import type { TypedField, TypedPaths } from './typed-fields.ts';

export interface WriterOptions {
  readonly client: Client;
  readonly index: IndexOptions;
  readonly catalogue: SliceCatalogue;
  /** Names the queue of this data folder, whose offsets the rows have. */
  readonly origin: string;
  readonly refreshEveryMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export class OpenSearchWriter implements SearchWriter {
  readonly #client: Client;
  readonly #prefix: string;
  readonly #origin: string;
  readonly #refreshEveryMs: number;
  readonly #clock: Clock;
  readonly #catalogue: SliceCatalogue;
  readonly #indices: SliceIndices;
  readonly #stored: StoredRows;
  readonly #refreshed = new Map<string, number>();
  /** Less where the cluster, or what stands before it, has refused larger ones for their size. */
  #requestBytes: number = OPENSEARCH_LIMITS.requestBytes;
  readonly #names = new WeakMap<SliceKey, string>();
  readonly #log: Logger;
  #said = { about: '', untilMs: 0 };

  constructor({ client, index, catalogue, origin, refreshEveryMs, clock, log }: WriterOptions) {
    this.#client = client;
    this.#prefix = index.prefix;
    this.#catalogue = catalogue;
    this.#origin = origin;
    this.#refreshEveryMs = refreshEveryMs;
    this.#clock = clock;
    this.#log = log;
    this.#indices = new SliceIndices(client, index, log);
    this.#stored = new StoredRows(client, index, origin);
  }

  createBlock(): WriteBlock {
    return new DocumentBlock({
      origin: this.#origin,
      indexOf: ({ slice }) => this.#indexOf(slice),
      lacks: (...about) => this.#indices.lacks(...about),
    });
  }

  async insert(batch: WriteBatch): Promise<readonly RefusedRecord[]> {
    if (!(batch instanceof DocumentBatch)) throw new TypeError('a batch of another engine');
    const { rows } = batch;
    const needs = needsOf(rows);
    // Somebody may have removed an index that another store has made again since: it has other fields. Where that cannot
    // be asked now, what follows says why.
    await this.#catalogue.refresh().catch(() => undefined);
    await this.#catalogue.cover(needs);
    const refused: RefusedRecord[] = [];
    const shown = new Set<string>();
    let pending = rows;
    for (let attempt = 1; pending.length > 0; attempt++) {
      const requestBytes = this.#requestBytes >> (attempt - 1);
      const { ready, listed, failures } = await this.#fitted(pending, batch, needs);
      const prepared = needs.filter(({ index }) => !failures.has(index));
      const stale = await this.#noteWrite(ready, prepared, listed);
      const written = prepared.filter(({ index }) => !stale.has(index));
      const noted = stale.size === 0 ? ready : ready.filter(({ index }) => !stale.has(index));
      const { again, trouble: why } = await this.#attempt(noted, refused, requestBytes);
      pending = [...pending.filter(({ index }) => failures.has(index) || stale.has(index)), ...again];
      if (pending.length === 0) break;
      const trouble = why ?? (failures.size > 0 ? messageOf([...failures.values()][0]) : REPLACED);
      const waiting = new Set(pending.map(({ index }) => index));
      this.#say(trouble, waiting, pending.length);
      // What other slices took can be found, however long these wait.
      const taken = written.flatMap(({ index }) => (waiting.has(index) || shown.has(index) ? [] : [index]));
      await this.#refresh(taken, OPENSEARCH_LIMITS.refreshRows);
      for (const index of taken) shown.add(index);
      if (attempt === OPENSEARCH_LIMITS.attempts || this.#client.isEnded) {
        const [name] = waiting;
        throw new SpillwayError(
          'UNAVAILABLE',
          `OpenSearch does not take ${pending.length} events of ${name}: ${trouble}. ${adviceOn(trouble)}.`,
        );
      }
      await delay(pauseMs(attempt));
    }
    const left = needs.flatMap(({ index }) => (shown.has(index) ? [] : [index]));
    await this.#refresh(left, rows.length);
    return refused;
  }

  interrupt(): void {
    this.#client.end();
  }

  /** Not at each attempt of each insert: a trouble may last for hours. */
  #say(trouble: string, waiting: ReadonlySet<string>, events: number): void {
    const advice = adviceOn(trouble);
    const about = `${[...waiting].sort().join()} ${advice}`;
    const nowMs = performance.now();
    if (about === this.#said.about && nowMs < this.#said.untilMs) return;
    this.#said = { about, untilMs: nowMs + OPENSEARCH_LIMITS.sayEveryMs };
    const indices = [...waiting].slice(0, OPENSEARCH_LIMITS.namesSaid);
    this.#log.warn(
      { indices, events, reason: trouble },
      `OpenSearch does not take events of ${indices.join(', ')}: they wait. ${advice}`,
    );
  }

  /** What is refused, `insert` says; when it throws, the cluster does not work. */
  async works(): Promise<boolean> {
    return false;
  }

  /** An answer of the engine says that its translog is synced. */
  async settle(): Promise<void> {}
  async settleRange(): Promise<void> {}

  visibleOffsets(range: Range): Promise<ReadonlySet<number>> {
    return this.#stored.offsets(range);
  }

  async slices(): Promise<readonly StoredSlice[]> {
    const indices = await this.#catalogue.indices();
    await this.#catalogue.noteExisting(indices);
    const gone = await this.#catalogue.removeGone();
    await this.#indices.gone(gone.map((one) => ({ index: one.index, uuid: one.uuid, isLost: this.#isLost(one) })));
    for (const { index, uuid } of indices) this.#indices.expect(index, uuid);
    this.#retain(new Set([...indices, ...this.#catalogue.all()].map(({ index }) => index)));
    return indices.flatMap(({ index, rows, bytes }) => {
      const slice = parseSliceIndex(this.#prefix, index);
      return slice === undefined ? [] : [{ slice, where: index, rows, bytesOnDisk: bytes }];
    });
  }

  async dropSlice(slice: SliceKey): Promise<void> {
    const index = sliceIndex(this.#prefix, slice);
    const uuid = this.#catalogue.uuidOf(index);
    const answer = await this.#client.call({ method: 'DELETE', path: index });
    if (answer.status !== 200 && answer.status !== 404) throw failed(`The slice ${index} cannot be removed`, answer);
    // First of all, or other stores take it for one that somebody removed.
    await this.#catalogue.remove(index);
    await this.#indices.drop(index, uuid);
    this.#refreshed.delete(index);
  }

  /** Others may have removed all but these: nothing of them is remembered. */
  #retain(present: ReadonlySet<string>): void {
    this.#indices.retain(present);
    for (const index of this.#refreshed.keys()) if (!present.has(index)) this.#refreshed.delete(index);
  }

  /** It is noted before it is made, and perhaps never was; or another store has removed it in its time. */
  #isLost({ slice, uuid, measured }: CataloguedSlice): boolean {
    return (uuid !== undefined || measured === true) && expiryOf(slice) > this.#clock.now();
  }

  readonly shared = { hasRows: (partition: number) => this.#stored.hasAny(partition) };

  maintain(): () => Promise<void> {
    return async () => {};
  }

  #indexOf(slice: SliceKey): string {
    const known = this.#names.get(slice);
    if (known !== undefined) return known;
    const index = sliceIndex(this.#prefix, slice);
    this.#names.set(slice, index);
    return index;
  }

  /**
   * The rows for indices that are there, encoded for the typed fields that those have; what the list had for each index
   * before it was looked at; and the indices that cannot be made or used now, whose rows wait. Rejects where none can.
   */
  async #fitted(
    rows: readonly Row[],
    { assumed, encode }: DocumentBatch,
    needs: readonly Need[],
  ): Promise<{
    readonly ready: readonly Row[];
    readonly listed: Listed;
    readonly failures: ReadonlyMap<string, unknown>;
  }> {
    const lacking = new Map<string, TypedPaths>();
    const listed = new Map<string, string | undefined>();
    const failures = new Map<string, unknown>();
    for (const need of needs) {
      const { index } = need;
      listed.set(index, this.#catalogue.uuidOf(index));
      this.#indices.expect(index, listed.get(index));
      const wanted: Wanted = assumed.get(index) ?? new Map();
      try {
        const known = await this.#indices.prepare(need, wanted);
        if (!wanted.values().every((fields) => hasAll(known, fields))) lacking.set(index, known);
      } catch (thrown) {
        failures.set(index, thrown);
        if (failures.size === needs.length) throw thrown;
      }
    }
    const ready = failures.size === 0 ? rows : rows.filter(({ index }) => !failures.has(index));
    if (lacking.size === 0) return { ready, listed, failures };
    const fitted = ready.map((row) => {
      const known = lacking.get(row.index);
      return known === undefined ? row : { ...row, ...encode(row, known) };
    });
    return { ready: fitted, listed, failures };
  }

  /**
   * What readers have to know before they can find the rows. Answers the indices of which that cannot be said now, since
   * they are others than was noted: they have to be looked at again before anything is written there.
   */
  async #noteWrite(rows: readonly Row[], needs: readonly Need[], listed: Listed): Promise<ReadonlySet<string>> {
    const spilled = new Set(rows.flatMap(({ index, isWhole }) => (isWhole ? [] : [index])));
    const notes = needs.map((need) => {
      const { index } = need;
      return { index, need, ...this.#indices.changes(index), listed: listed.get(index), isWhole: !spilled.has(index) };
    });
    // Of an index that is neither ours nor in the list, as one from a snapshot is, nobody has noted what is in it.
    const unknown = notes.filter(({ isNew, uuid, listed: before }) => !isNew && uuid !== '' && uuid !== before);
    // One that cannot be measured, as a red one, is found not to be noted below: its rows alone wait, and it is said then.
    await this.#catalogue.noteExisting(unknown).catch(() => undefined);
    const stale = new Set<string>();
    // It was seen meanwhile that it is gone.
    for (const { index, uuid } of notes) if (uuid === '') stale.add(index);
    for (const { index, uuid } of unknown) if (this.#catalogue.uuidOf(index) !== uuid) stale.add(index);
    const certain = notes.filter(({ index }) => !stale.has(index));
    for (const index of await this.#catalogue.noteWrite(certain)) stale.add(index);
    for (const { index } of needs) if (!stale.has(index)) this.#indices.noted(index);
    return stale;
  }

  async #attempt(rows: readonly Row[], refused: RefusedRecord[], requestBytes: number): Promise<Waiting> {
    const again: Row[] = [];
    let trouble: string | undefined;
    const chunks = chunksOf(rows, Math.max(requestBytes, OPENSEARCH_LIMITS.requestLeastBytes));
    const sendNext = async (): Promise<void> => {
      for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
        const outcome = await sendBulk(this.#client, chunk);
        if (outcome.tooLarge) {
          if (chunk.length === 1) refused.push(...chunk.map((row) => refusal(row, outcome.trouble ?? 'too large')));
          else {
            this.#requestBytes = Math.min(this.#requestBytes, bytesOf(chunk) >> 1);
            chunks.push(chunk.slice(0, chunk.length >> 1), chunk.slice(chunk.length >> 1));
          }
          continue;
        }
        trouble ??= outcome.trouble;
        const changed = await this.#changed(outcome, refused);
        const compared = await this.#compare(outcome, refused);
        trouble ??= changed.trouble ?? compared.trouble;
        again.push(...outcome.again, ...changed.again, ...compared.again);
      }
    };
    await Promise.all(Array.from({ length: OPENSEARCH_LIMITS.requestsAtOnce }, sendNext));
    // An index that is gone is made again.
    for (const { index } of again) this.#indices.forget(index);
    return { again, trouble };
  }

  /** Of what is refused for what it is, the rows of which a pipeline made that: they are good themselves. */
  async #changed({ refused: rows }: BulkOutcome, refused: RefusedRecord[]): Promise<Waiting> {
    if (rows.length === 0) return { again: [], trouble: undefined };
    const piped = await this.#indices.piped(rows.map(({ row: { index } }) => index));
    refused.push(...rows.flatMap(({ row, reason }) => (piped.has(row.index) ? [] : [refusal(row, reason)])));
    const again = rows.flatMap(({ row }) => (piped.has(row.index) ? [row] : []));
    return { again, trouble: piped.values().next().value };
  }

  /** Rows whose id is taken: by the same event nearly always, since it was sent before; else it is refused. */
  async #compare({ conflicts }: BulkOutcome, refused: RefusedRecord[]): Promise<Waiting> {
    if (conflicts.length === 0) return { again: [], trouble: undefined };
    const docs = conflicts.map(({ index, id }) => ({ _index: index, _id: id, _source: [FIELD.event] }));
    const { body } = await ask(this.#client, { method: 'POST', path: '_mget', body: { docs } });
    const found = listAt(body, 'docs');
    let trouble: string | undefined;
    const again = conflicts.filter((conflict, i) => {
      const stored = at(found[i], '_source', FIELD.event);
      if (stored === undefined) {
        const problem = innermost(at(found[i], 'error'));
        trouble ??= problem && `${problem.type}: ${problem.reason}`.slice(0, OPENSEARCH_LIMITS.troubleChars);
        return true;
      }
      if (canonical(stored as JsonValue) !== canonical(JSON.parse(conflict.bytes.toString('utf8')))) {
        refused.push(refusal(conflict, `another event has the id ${conflict.id} in ${conflict.index}`));
      }
      return false;
    });
    return { again, trouble };
  }

  /**
   * So often at the most, since a refresh makes a segment of its own; after many rows at once, since that is a segment
   * worth having and waiting would hold up those that come next.
   */
  async #refresh(indices: readonly string[], rows: number): Promise<void> {
    const due = Math.max(0, ...indices.map((index) => (this.#refreshed.get(index) ?? 0) + this.#refreshEveryMs));
    const waitMs = rows >= OPENSEARCH_LIMITS.refreshRows ? 0 : due - performance.now();
    if (waitMs > 0) await delay(waitMs);
    for (const names of namesForPaths(indices)) {
      const { body } = await ask(this.#client, { method: 'POST', path: `${names}/_refresh?${WHERE_THERE}` });
      if (numberAt(body, '_shards', 'failed') > 0) {
        throw new SpillwayError('UNAVAILABLE', `OpenSearch cannot refresh ${names}.`);
      }
    }
    for (const index of indices) this.#refreshed.set(index, performance.now());
  }
}

/** Rows that are not written now, and why, where that is known. */
interface Waiting {
  readonly again: readonly Row[];
  readonly trouble: string | undefined;
}

/** By index, what the list of slices has for it. */
type Listed = ReadonlyMap<string, string | undefined>;

const REPLACED = 'an index was replaced meanwhile, is closed, or no node has its shards';

/** What the rows need of each index, which must be noted before it is made and written. */
function needsOf(rows: readonly Row[]): Need[] {
  const needs = new Map<string, Need>();
  for (const { index, placement, timestampMs } of rows) {
    const known = needs.get(index);
    if (known !== undefined && known.fromMs <= timestampMs && known.toMs >= timestampMs) continue;
    const fromMs = Math.min(known?.fromMs ?? timestampMs, timestampMs);
    const toMs = Math.max(known?.toMs ?? timestampMs, timestampMs);
    needs.set(index, { index, ...placement, fromMs, toMs });
  }
  return [...needs.values()];
}

function hasAll(known: TypedPaths, fields: ReadonlySet<TypedField>): boolean {
  return fields.values().every(({ path }) => known.has(path));
}

function pauseMs(attempt: number): number {
  const { retryDelayMs, retryDelayMaxMs } = OPENSEARCH_LIMITS;
  return Math.min(retryDelayMs * 2 ** (attempt - 1), retryDelayMaxMs) * (0.5 + Math.random() / 2);
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
