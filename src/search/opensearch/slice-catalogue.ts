/**
 * Which indices there are and which times they hold: a document that all stores of the cluster share. An index is noted
 * there before it is written, and its bounds are widened before an event beyond them is: so a question asks only the
 * indices that can hold an answer, and leaves none out. What another store noted is known here a second later at the
 * most, which is no later than its events become visible.
 */
import { InTurn } from '../../lib/in-turn.ts';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import type { SlicePolicy } from '../policy/slice-policy.ts';
import { ownerOf, type SliceKey } from '../slices.ts';
import { ask } from './ask.ts';
import type { Client } from './client.ts';
import { ClusterDocument, type SharedIndexOptions } from './cluster-document.ts';
import { isGone } from './errors.ts';
import { WHERE_THERE } from './index-names.ts';
import { at, listAt } from './json.ts';
import { allSlices, FIELD, parseSliceIndex } from './mapping.ts';
import {
  isCovered,
  isNoted,
  type Need,
  type Noted,
  newVersion,
  noteOf,
  type WriteNote,
  widened,
} from './slice-notes.ts';

interface Shared {
  readonly indices: Readonly<Record<string, Noted>>;
}

export interface CataloguedSlice extends Noted {
  readonly index: string;
  readonly slice: SliceKey;
}

export class SliceCatalogue {
  readonly #client: Client;
  readonly #prefix: string;
  readonly #document: ClusterDocument<Shared>;
  #slices = new Map<string, CataloguedSlice>();
  #readMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
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
  async indices(): Promise<readonly { readonly index: string; readonly rows: number; readonly bytes: number }[]> {
    const path = `_cat/indices/${allSlices(this.#prefix)}?format=json&bytes=b&h=index,docs.count,store.size`;
    const { body } = await ask(this.#client, { method: 'GET', path });
    return listAt(body).map((row) => ({
      index: String(at(row, 'index')),
      rows: Number(at(row, 'docs.count') ?? 0),
      bytes: Number(at(row, 'store.size') ?? 0),
    }));
  }

  /** The same, without their sizes: cheap. */
  async names(): Promise<ReadonlySet<string>> {
    const path = `${allSlices(this.#prefix)}/_alias?expand_wildcards=open,closed`;
    const { body } = await ask(this.#client, { method: 'GET', path });
    return new Set(Object.keys(Object(body)));
  }

  async noteExisting(indices: readonly { readonly index: string }[]): Promise<void> {
    const missing = indices.filter(({ index }) => !this.#slices.has(index));
    if (missing.length === 0) return;
    const measured = Object.entries(await this.#measure(missing));
    await this.#change((known) => {
      const added = measured.filter(([index]) => known[index] === undefined);
      return added.length === 0 ? undefined : { ...known, ...Object.fromEntries(added) };
    });
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
   */
  async noteWrite(notes: readonly WriteNote[]): Promise<void> {
    if (notes.every((note) => isNoted(this.#slices.get(note.need.index), note))) return;
    const fieldsVersion = newVersion();
    await this.#change((indices) => {
      const changed = notes.flatMap((note) => {
        const { index } = note.need;
        return isNoted(indices[index], note) ? [] : [[index, noteOf(indices[index], note, fieldsVersion)] as const];
      });
      return changed.length === 0 ? undefined : { ...indices, ...Object.fromEntries(changed) };
    });
  }

  async remove(index: string): Promise<void> {
    await this.#change(({ [index]: removed, ...rest }) => (removed === undefined ? undefined : rest));
  }

  /**
   * Takes out what is certainly not there, and answers that. An index that is made meanwhile stays: whoever makes one
   * notes it (`noteWrite`) before anything is in it, and where the list has changed since it was read it is looked again.
   */
  async removeGone(): Promise<readonly string[]> {
    return this.#turns.run(async () => {
      for (;;) {
        await this.#readDocument();
        const indices = this.#document.value?.indices ?? {};
        const there = await this.names();
        const gone: string[] = [];
        for (const index of Object.keys(indices)) {
          if (!there.has(index) && (await this.#isGone(index))) gone.push(index);
        }
        const left = Object.fromEntries(Object.entries(indices).filter(([index]) => !gone.includes(index)));
        if (gone.length === 0 || (await this.#document.replace({ indices: left }))) {
          this.#take();
          return gone;
        }
      }
    });
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
    await this.#turns.run(async () => {
      if (await this.#readDocument()) this.#take();
    });
    this.#readMs = began;
  }

  /** Where the document is not there (yet, or any more), it is made of what is. */
  async #readDocument(): Promise<boolean> {
    const changed = await this.#document.refresh();
    while (this.#document.value === undefined) {
      await this.#document.replace({ indices: await this.#measure(await this.indices()) });
      if (this.#document.value === undefined) await this.#document.refresh();
    }
    return changed;
  }

  async #measure(indices: readonly { readonly index: string }[]): Promise<Record<string, Noted>> {
    const measured: Record<string, Noted> = {};
    for (const { index } of indices) {
      if (parseSliceIndex(this.#prefix, index) === undefined) continue;
      const aggs = { from: { min: { field: FIELD.timestamp } }, to: { max: { field: FIELD.timestamp } } };
      const path = `${index}/_search?${WHERE_THERE}&allow_partial_search_results=false`;
      await ask(this.#client, { method: 'POST', path: `${index}/_refresh?${WHERE_THERE}` });
      const { body } = await ask(this.#client, { method: 'POST', path, body: { size: 0, aggs } });
      // It is closed, and measured when it is open again.
      if (at(body, '_shards', 'total') === 0) continue;
      const [fromMs, toMs] = ['from', 'to'].map((name) => at(body, 'aggregations', name, 'value'));
      // Where it is empty, whatever comes is noted before it is written.
      const bounds = typeof fromMs === 'number' && typeof toMs === 'number' ? { fromMs, toMs } : EMPTY;
      measured[index] = { ...bounds, tier: '', measured: true, fieldsVersion: newVersion() };
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
