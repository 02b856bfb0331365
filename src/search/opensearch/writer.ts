/**
 * Inserts events so that a repeat adds nothing: each is created under its own id, and where that is taken the document
 * is compared. Rows that the engine refuses alone are answered with the reason, and so are those of a slice that takes
 * nothing for a reason of its own. What the cluster cannot take now is tried again, with growing pauses, a few times here and
 * then by the indexer for ever.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../lib/clock.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Range } from '../journal.ts';
import type {
  Inserted,
  InsertOptions,
  RefusedRecord,
  SearchWriter,
  StoredSlice,
  WriteBatch,
  WriteBlock,
} from '../port.ts';
import { expiryOf, type SliceKey } from '../slices.ts';
import { ask, failed, isOfSlice } from './ask.ts';
import type { Client } from './client.ts';
import { DocumentBatch, DocumentBlock, type Row } from './document-block.ts';
import type { Wanted } from './field-budget.ts';
import { HeldSlices } from './held-slices.ts';
import { namesForPaths, WHERE_THERE } from './index-names.ts';
import { numberAt } from './json.ts';
import { type IndexOptions, parseSliceIndex, sliceIndex } from './mapping.ts';
import { adviceOn, NO_SHARD } from './refusals.ts';
import { Sending } from './sending.ts';
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
  readonly #sending: Sending;
  readonly #stored: StoredRows;
  readonly #refreshed = new Map<string, number>();
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
    this.#sending = new Sending(client, this.#indices);
    this.#stored = new StoredRows(client, index, origin);
  }

  createBlock(): WriteBlock {
    return new DocumentBlock({
      origin: this.#origin,
      indexOf: ({ slice }) => this.#indexOf(slice),
      lacks: (...about) => this.#indices.lacks(...about),
    });
  }

  async insert(batch: WriteBatch, { skips, isTrial = false }: InsertOptions = {}): Promise<Inserted> {
    if (!(batch instanceof DocumentBatch)) throw new TypeError('a batch of another engine');
    const { rows } = batch;
    const held = new HeldSlices();
    const refused: RefusedRecord[] = [];
    const shown = new Set<string>();
    let pending = held.without(rows, skips);
    const needs = needsOf(pending);
    // Somebody may have removed an index that another store has made again since: it has other fields. Where that cannot
    // be asked now, what follows says why.
    if (pending.length > 0) await this.#catalogue.refresh().catch(() => undefined);
    await this.#catalogue.cover(needs);
    for (let attempt = 1; pending.length > 0; attempt++) {
      const open = needs.filter(({ index }) => !held.has(index));
      const round = await this.#round(pending, batch, open, { attempt, isTrial });
      refused.push(...round.refused);
      const { left, troubles } = round;
      if (left.length === 0) break;
      const isLast = isTrial || attempt >= OPENSEARCH_LIMITS.sliceAttempts;
      for (const [index, trouble] of troubles) if (isLast || NO_SHARD.test(trouble)) held.hold(index, trouble);
      const trouble = round.trouble ?? troubles.values().next().value ?? REPLACED;
      this.#say(trouble, left);
      // What other slices took can be found, however long these wait.
      const waiting = new Set(left.map(({ index }) => index));
      const taken = round.written.flatMap(({ index }) => (waiting.has(index) || shown.has(index) ? [] : [index]));
      await this.#refresh(taken, OPENSEARCH_LIMITS.refreshRows);
      for (const index of taken) shown.add(index);
      pending = left.filter(({ index }) => !held.has(index));
      if (pending.length === 0) break;
      if (attempt === OPENSEARCH_LIMITS.attempts || this.#client.isEnded) {
        const some = `${pending.length} events of ${pending[0]?.index}`;
        throw new SpillwayError('UNAVAILABLE', `OpenSearch does not take ${some}: ${trouble}. ${adviceOn(trouble)}.`);
      }
      await delay(pauseMs(attempt));
    }
    const left = needs.flatMap(({ index }) => (shown.has(index) || held.has(index) ? [] : [index]));
    // Others wait for the end of a trial.
    await this.#refresh(left, isTrial ? OPENSEARCH_LIMITS.refreshRows : rows.length);
    return { refused, waiting: held.of(rows, adviceOn) };
  }

  /** Prepares the indices and sends what can be sent. */
  async #round(
    pending: readonly Row[],
    batch: DocumentBatch,
    needs: readonly Need[],
    { attempt, isTrial }: { readonly attempt: number; readonly isTrial: boolean },
  ): Promise<Round> {
    const { ready, listed, failures } = await this.#fitted(pending, batch, needs);
    const prepared = needs.filter(({ index }) => !failures.has(index));
    const stale = await this.#noteWrite(ready, prepared, listed);
    const written = prepared.filter(({ index }) => !stale.has(index));
    const noted = stale.size === 0 ? ready : ready.filter(({ index }) => !stale.has(index));
    const shardWaitMs = isTrial ? OPENSEARCH_LIMITS.trialWaitMs : OPENSEARCH_LIMITS.shardWaitMs;
    const { refused, again, held, trouble } = await this.#sending.send(noted, attempt - 1, shardWaitMs);
    const troubles = new Map<string, string>();
    for (const [index, thrown] of failures) troubles.set(index, messageOf(thrown));
    for (const index of stale) troubles.set(index, REPLACED);
    for (const { row, reason } of held) if (!troubles.has(row.index)) troubles.set(row.index, reason);
    const sent = [...again, ...held.map(({ row }) => row)];
    // An index that is gone is made again.
    for (const { index } of sent) this.#indices.forget(index);
    const unsent = pending.filter(({ index }) => failures.has(index) || stale.has(index));
    return { refused, left: [...unsent, ...sent], trouble, troubles, written };
  }

  interrupt(): void {
    this.#client.end();
  }

  /** Not at each attempt of each insert: a trouble may last for hours. */
  #say(trouble: string, rows: readonly Row[]): void {
    const advice = adviceOn(trouble);
    const waiting = new Set(rows.map(({ index }) => index));
    const events = rows.length;
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

  readonly shared = {
    hasRows: (partition: number) => this.#stored.hasAny(partition),
    lastOffset: (range: Range) => this.#stored.lastOffset(range),
    foundOffsets: (range: Range) => this.#stored.found(range),
  };

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
   * before it was looked at; and the indices that cannot be made or used now, whose rows wait. Rejects where that is so for
   * whatever is asked.
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
        if (!isOfSlice(thrown)) throw thrown;
        failures.set(index, thrown);
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

/** One attempt of an insert. */
interface Round {
  readonly refused: readonly RefusedRecord[];
  /** What is not stored. */
  readonly left: readonly Row[];
  /** What the cluster says of it, where it says something. */
  readonly trouble: string | undefined;
  /** By index, why its slice takes nothing. */
  readonly troubles: ReadonlyMap<string, string>;
  /** The indices that were written. */
  readonly written: readonly Need[];
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
