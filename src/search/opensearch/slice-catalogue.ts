/**
 * Which indices there are and which times they hold: a document that all stores of the cluster share. An index is noted
 * there before it is written, and its bounds are widened before an event beyond them is: so a question asks only the
 * indices that can hold an answer, and leaves none out. What another store noted is known here a second later at the
 * most, which is no later than its events become visible.
 */
import { isDeepStrictEqual } from 'node:util';
import { InTurn } from '../../lib/in-turn.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { SlicePolicy } from '../policy/slice-policy.ts';
import { ownerOf, type SliceKey } from '../slices.ts';
import { ask } from './ask.ts';
import type { Client } from './client.ts';
import { ClusterDocument, type SharedIndexOptions } from './cluster-document.ts';
import { isGone } from './errors.ts';
import { namesForPaths, WHERE_THERE } from './index-names.ts';
import { at, listAt } from './json.ts';
import { allSlices, FIELD, parseSliceIndex } from './mapping.ts';
import { redIndices } from './red-indices.ts';
import {
  isCovered,
  isNoted,
  isReplaced,
  type Need,
  type Noted,
  newVersion,
  noteOf,
  replacedBy,
  type WriteNote,
  widened,
} from './slice-notes.ts';
import { whenStarted } from './when-started.ts';

interface Shared {
  readonly indices: Readonly<Record<string, Noted>>;
}

export interface CataloguedSlice extends Noted {
  readonly index: string;
  readonly slice: SliceKey;
}

/** An index that is there. */
export interface PresentIndex {
  readonly index: string;
  readonly uuid: string;
  /** What the list had for that before it was looked whether it is there. */
  readonly listed: string | undefined;
}

interface SizedIndex extends PresentIndex {
  readonly rows: number;
  readonly bytes: number;
}

export class SliceCatalogue {
  readonly #client: Client;
  readonly #prefix: string;
  readonly #document: ClusterDocument<Shared>;
  #slices = new Map<string, CataloguedSlice>();
  #readMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  /** Of those that a list of indices lacked. */
  #lastAsked = '';
  /** An answer that was on its way while the document was written is older than it. */
  readonly #turns = new InTurn();

  constructor(client: Client, index: SharedIndexOptions) {
    this.#client = client;
    this.#prefix = index.prefix;
    this.#document = new ClusterDocument(client, index, 'slices');
  }

  /** Notes what is there already: of an older Spillway, or brought back from a snapshot. */
  async open(): Promise<void> {
    await this.#read();
    await this.noteExisting(await this.indices());
  }

  /** All indices of slices, whoever made them. */
  async indices(): Promise<readonly SizedIndex[]> {
    const listed = this.#slices;
    const path = `_cat/indices/${allSlices(this.#prefix)}?format=json&bytes=b&h=index,uuid,docs.count,store.size`;
    const { body } = await ask(this.#client, { method: 'GET', path });
    return listAt(body).map((row) => {
      const index = String(at(row, 'index'));
      const number = (name: string) => Number(at(row, name) ?? 0);
      const sizes = { rows: number('docs.count'), bytes: number('store.size') };
      return { index, uuid: String(at(row, 'uuid')), listed: listed.get(index)?.uuid, ...sizes };
    });
  }

  /** The same, without their sizes: cheap. */
  async names(): Promise<ReadonlySet<string>> {
    const path = `${allSlices(this.#prefix)}/_alias?expand_wildcards=open,closed`;
    const { body } = await ask(this.#client, { method: 'GET', path });
    return new Set(Object.keys(Object(body)));
  }

  /** Notes what nobody noted of these: an index that is not in the list, or another than the list has by its name. */
  async noteExisting(indices: readonly PresentIndex[]): Promise<void> {
    const unknown = indices.filter(({ index, uuid }) => this.#slices.get(index)?.uuid !== uuid);
    if (unknown.length === 0) return;
    const awaited = await this.#awaited(unknown);
    const measured = await this.#measure(unknown.filter(({ index }) => !awaited.has(index)));
    await this.#change((known) => {
      const noted = unknown.flatMap(({ index, uuid, listed }) => {
        const [before, found] = [known[index], measured[index]];
        // Where the list has changed since, somebody knows more.
        if (found === undefined || before?.uuid === uuid || before?.uuid !== listed) return [];
        return [[index, before === undefined ? found : replacedBy(before, found)] as const];
      });
      return noted.length === 0 ? undefined : { ...known, ...Object.fromEntries(noted) };
    });
  }

  /**
   * Of these, those that nobody can measure now since no node has their shards, and need not: they were noted before they
   * were made, and whoever did that ended before they were there, so they hold nothing beyond what is noted. One that is
   * not in the list, or another than the list has, may hold anything: without it answers would lack that in silence.
   */
  async #awaited(unknown: readonly PresentIndex[]): Promise<ReadonlySet<string>> {
    const made = unknown.flatMap(({ index }) => {
      const noted = this.#slices.get(index);
      return noted !== undefined && noted.uuid === undefined ? [index] : [];
    });
    const red = new Set<string>();
    for (const names of namesForPaths(made)) {
      for (const index of await redIndices(this.#client, names, OPENSEARCH_LIMITS.measureWaitMs)) red.add(index);
    }
    return red;
  }

  /** Durable when it resolves, in one write for all. */
  async cover(needs: readonly Need[]): Promise<void> {
    if (needs.every((need) => isCovered(this.#slices.get(need.index), need))) return;
    await this.#change((indices) => {
      const open = needs.filter((need) => !isCovered(indices[need.index], need));
      if (open.length === 0) return undefined;
      const wider = open.map((need) => [need.index, widened(indices[need.index], need)]);
      return { ...indices, ...Object.fromEntries(wider) };
    });
  }

  /**
   * The indices are there, and such rows are about to be written. Durable when it resolves, which has to be before they
   * can be found. Between `cover` and now somebody may have seen that an index is not there: it is covered again.
   * Answers those whose place another has taken since they were looked at: nothing may be written there before that is.
   */
  async noteWrite(notes: readonly WriteNote[]): Promise<ReadonlySet<string>> {
    let replaced: ReadonlySet<string> = new Set();
    if (notes.every((note) => isNoted(this.#slices.get(note.need.index), note))) return replaced;
    const fieldsVersion = newVersion();
    await this.#change((indices) => {
      const others = notes.filter((note) => isReplaced(indices[note.need.index], note));
      replaced = new Set(others.map(({ need: { index } }) => index));
      const changed = notes.flatMap((note) => {
        const { index } = note.need;
        return replaced.has(index) || isNoted(indices[index], note)
          ? []
          : [[index, noteOf(indices[index], note, fieldsVersion)] as const];
      });
      return changed.length === 0 ? undefined : { ...indices, ...Object.fromEntries(changed) };
    });
    return replaced;
  }

  async remove(index: string): Promise<void> {
    await this.#change(({ [index]: removed, ...rest }) => (removed === undefined ? undefined : rest));
  }

  /**
   * Takes out what is certainly not there, and answers what was noted of that. An index that is made meanwhile stays:
   * whoever makes one notes it (`noteWrite`) before anything is in it, and what is noted otherwise by then is left alone.
   */
  async removeGone(): Promise<readonly CataloguedSlice[]> {
    await this.#read();
    const before = this.#document.value?.indices ?? {};
    const there = await this.names();
    const gone: CataloguedSlice[] = [];
    for (const index of this.#nextToAsk(Object.keys(before).filter((one) => !there.has(one)))) {
      const known = this.#slices.get(index);
      if (known !== undefined && (await this.#isGone(index))) gone.push({ ...known, ...before[index] });
    }
    if (gone.length === 0) return [];
    let removed: readonly CataloguedSlice[] = [];
    await this.#change((indices) => {
      removed = gone.filter(({ index }) => isDeepStrictEqual(indices[index], before[index]));
      if (removed.length === 0) return undefined;
      const names = new Set(removed.map(({ index }) => index));
      return Object.fromEntries(Object.entries(indices).filter(([index]) => !names.has(index)));
    });
    return removed;
  }

  /** So many at once; the others are next. */
  #nextToAsk(absent: readonly string[]): readonly string[] {
    const last = this.#lastAsked;
    const inOrder = absent.toSorted();
    const next = [...inOrder.filter((index) => index > last), ...inOrder.filter((index) => index <= last)];
    const asked = next.slice(0, OPENSEARCH_LIMITS.goneAtOnce);
    this.#lastAsked = asked.at(-1) ?? '';
    return asked;
  }

  /** A list may lack what its asker may not see; of the index itself the engine then says that. */
  async #isGone(index: string): Promise<boolean> {
    return isGone(await this.#client.call({ method: 'GET', path: `${index}/_alias` }));
  }

  /** What the index is called that has this name now, as far as that was noted. */
  uuidOf(index: string): string | undefined {
    return this.#slices.get(index)?.uuid;
  }

  all(): readonly CataloguedSlice[] {
    return [...this.#slices.values()];
  }

  /** Slices that may hold events of the tenant with a timestamp in [fromMs, toMs), in order of their time. */
  async touched(...[policy, tenant, fromMs, toMs]: Touch): Promise<readonly CataloguedSlice[]> {
    await this.refresh();
    return this.knownTouched(policy, tenant, fromMs, toMs);
  }

  /** The same, but for what other stores have noted since it was last read. */
  knownTouched(...[policy, tenant, fromMs, toMs]: Touch): readonly CataloguedSlice[] {
    return this.all()
      .filter((one) => one.fromMs < toMs && one.toMs >= fromMs && mayHold(one, policy, tenant))
      .sort((a, b) => a.fromMs - b.fromMs || (a.index < b.index ? -1 : 1));
  }

  /** What others have noted by now, or a moment ago. */
  async refresh(): Promise<void> {
    if (performance.now() - this.#readMs < OPENSEARCH_LIMITS.catalogueMs) return;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async #read(): Promise<void> {
    const began = performance.now();
    await this.#turns.run(() => this.#readDocument());
    this.#readMs = began;
  }

  /** Where the document is not there (yet, or any more), it is made of what is. */
  async #readDocument(): Promise<void> {
    const changed = await this.#document.refresh();
    while (this.#document.value === undefined) {
      await this.#document.replace({ indices: await this.#measure(await this.indices()) });
      if (this.#document.value === undefined) await this.#document.refresh();
    }
    if (changed) this.#take();
  }

  async #measure(indices: readonly PresentIndex[]): Promise<Record<string, Noted>> {
    const measured: Record<string, Noted> = {};
    for (const { index, uuid } of indices) {
      if (parseSliceIndex(this.#prefix, index) === undefined) continue;
      const aggs = { from: { min: { field: FIELD.timestamp } }, to: { max: { field: FIELD.timestamp } } };
      const path = `${index}/_search?${WHERE_THERE}&allow_partial_search_results=false`;
      await ask(this.#client, { method: 'POST', path: `${index}/_refresh?${WHERE_THERE}` });
      const call = { method: 'POST', path, body: { size: 0, aggs } } as const;
      const { body } = await ask(this.#client, call, await whenStarted(() => this.#client.call(call)));
      // It is closed, and measured when it is open again.
      if (at(body, '_shards', 'total') === 0) continue;
      const [fromMs, toMs] = ['from', 'to'].map((name) => at(body, 'aggregations', name, 'value'));
      // Where it is empty, whatever comes is noted before it is written.
      const bounds = typeof fromMs === 'number' && typeof toMs === 'number' ? { fromMs, toMs } : EMPTY;
      measured[index] = { ...bounds, tier: '', measured: true, uuid, fieldsVersion: newVersion() };
    }
    return measured;
  }

  #take(): void {
    this.#slices = new Map(
      Object.entries(this.#document.value?.indices ?? {}).flatMap(([index, noted]) => {
        const slice = parseSliceIndex(this.#prefix, index);
        return slice === undefined ? [] : [[index, { ...noted, index, slice }] as const];
      }),
    );
  }

  /** Again, as often as others are first. */
  #change(next: (indices: Shared['indices']) => Shared['indices'] | undefined): Promise<void> {
    return this.#turns.run(() => this.#changeNow(next));
  }

  async #changeNow(next: (indices: Shared['indices']) => Shared['indices'] | undefined): Promise<void> {
    for (;;) {
      const indices = next(this.#document.value?.indices ?? {});
      if (indices === undefined) return this.#take();
      if (await this.#document.replace({ indices })) return this.#take();
      await this.#readDocument();
    }
  }
}

type Touch = [policy: SlicePolicy, tenant: string, fromMs: number, toMs: number];

const EMPTY = { fromMs: Number.MAX_SAFE_INTEGER, toMs: Number.MIN_SAFE_INTEGER };

function mayHold({ slice, measured }: CataloguedSlice, policy: SlicePolicy, tenant: string): boolean {
  if (measured === true) return (ownerOf(slice) ?? tenant) === tenant;
  return policy.mayHold(slice, tenant);
}
