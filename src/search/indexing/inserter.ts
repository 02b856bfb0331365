/**
 * Inserts drafts so that each event is in the store exactly once, also when this process dies at any moment:
 *
 * 1. the intent is durable in the journal; 2. letters of refused events are durable; 3. rows are inserted and durable
 * (so are letters of those that the engine refuses); 4. the offsets are committed; 5. the intent ends.
 *
 * After a crash the open intent names the ranges: what of them is visible is read back, and only the rest inserted.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Progress } from '../../event/progress.ts';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { type Appended, offset } from '../../queue/port.ts';
import type { SliceShare } from '../catalogue.ts';
import type { Intent, Range, StoreJournal } from '../journal.ts';
import type { PathType } from '../path-types.ts';
import type { PolicyLog, RefusedRecord, SearchWriter, WriteBatch } from '../port.ts';
import { type SliceKey, uniqueSlices } from '../slices.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Draft } from './draft.ts';
import type { Membership } from './membership.ts';
import type { Begun, MissingRows } from './missing-rows.ts';
import type { StoreTrouble } from './trouble.ts';

/** Told after the offsets are committed, in the order of the partition. */
export interface Committed {
  readonly partition: number;
  /** What is committed now, and was not before. */
  readonly range: Appended;
  /** The progress markers of the range, folded; undefined where it holds none. */
  readonly progress: Progress | undefined;
  /** Events of the range that became dead letters. */
  readonly deadLettered: number;
}

export interface InserterParts {
  readonly writer: SearchWriter;
  readonly journal: StoreJournal;
  readonly policyLog: Pick<PolicyLog, 'current'>;
  readonly letters: DeadLetters;
  readonly membership: Membership;
  readonly missing: MissingRows;
  readonly trouble: StoreTrouble;
  readonly log: Logger;
  readonly onCommitted: (committed: Committed) => void;
  readonly signal: AbortSignal;
}

/** Before the first offset. */
const NONE = -1;

export class Inserter {
  readonly #parts: InserterParts;
  /** Of the insert that the process before this one left, where several stores write: its end and its policy. */
  readonly #leftBehind = new Map<number, { readonly to: number; readonly version: number }>();

  constructor(parts: InserterParts) {
    this.#parts = parts;
  }

  /** Inserts and commits; tries again while the engine or the disk fails. Rejects when it is fenced or stopped. */
  async insert(draft: Draft): Promise<void> {
    const { journal, letters, writer } = this.#parts;
    const refused = [...draft.refused];
    if (draft.rows > 0 || refused.length > 0) {
      const { ranges, shares, policy } = draft;
      const intent: Intent = {
        ranges,
        shares,
        policyVersion: policy.version,
        paths: journal.paths.unknown(draft.paths),
        receivedMs: draft.newestReceivedMs,
      };
      const begun = { ranges, slices: slicesOf(shares), policy };
      await this.persist(() => journal.begin(intent));
      await this.persist(() => letters.write(refused));
      if (draft.batch !== undefined) refused.push(...(await this.#insertRows(draft.batch, begun)));
      await this.persist(() => writer.settle());
    }
    draft.batch?.discard();
    await this.#commit(draft.ranges, draft.progress, refused);
    await journal.end();
    letters.forget(draft.ranges);
  }

  /** Finishes what the process before began: where several stores write, that is found with the partition. */
  async recover(): Promise<void> {
    const { journal, letters, membership, log, signal, writer } = this.#parts;
    const open = journal.openIntent;
    if (open === undefined) return;
    if (writer.shared !== undefined) {
      for (const { partition, to } of open.ranges) this.#leftBehind.set(partition, { to, version: open.policyVersion });
      return journal.end();
    }
    await membership.until(
      open.ranges.map(({ partition }) => partition),
      signal,
    );
    const ranges = await this.#uncommitted(open.ranges);
    log.info({ ranges }, 'Finishing an insert that the last process began');
    for (const { partition } of open.ranges) {
      await letters.open(partition, (await this.persist(() => membership.committed(partition))) ?? 0);
    }
    if (open.deadLettersFrom !== undefined) await letters.recallEarlier(open.deadLettersFrom);
    await this.#finish(open, ranges);
  }

  /**
   * Finishes what another store began with a partition that is this one's now: rows behind what is committed say that it
   * had an insert under way. Where the partition is committed to, then. `isForgotten`: what was committed is not known, and
   * `committed` is where the queue begins.
   */
  async takeOver(partition: number, committed: number, end: number, isForgotten = false): Promise<number> {
    const { writer, policyLog, log } = this.#parts;
    if (writer.shared === undefined) return committed;
    // What another one has begun by an earlier policy goes to the same slices by this one, but for times ahead of the clock.
    const left = this.#leftBehind.get(partition) ?? { to: 0, version: policyLog.current.version };
    this.#leftBehind.delete(partition);
    // Slices that the index has no more leave gaps of any length between the first record and what is in it.
    const begun = isForgotten ? await this.#lastVisible({ partition, from: committed, to: end }) : NONE;
    const known = Math.max(begun, Math.min(left.to, end) - 1);
    for (let from = committed; ; ) {
      // An insert begins where its partition is committed to. Where the commits are gone it is the whole index, piece by piece.
      const seen = { partition, from, to: Math.min(end, from + STORE_LIMITS.insertSpan) };
      const visible = await this.persist(() => writer.visibleOffsets(seen, []));
      const last = maxOf(visible, known);
      if (last < from) return from;
      const range = { partition, from, to: Math.min(last + 1, from + STORE_LIMITS.insertSpan) };
      log.info({ range }, 'Finishing an insert that another store began');
      await this.#finish({ ranges: [range], shares: [], policyVersion: left.version, paths: [], receivedMs: 0 }, [
        range,
      ]);
      from = range.to;
    }
  }

  /** Looks from the end on, piece by piece; NONE where nothing is visible. */
  async #lastVisible({ partition, from, to }: Range): Promise<number> {
    for (let end = to; end > from; end -= STORE_LIMITS.insertSpan) {
      const piece = { partition, from: Math.max(from, end - STORE_LIMITS.insertSpan), to: end };
      const visible = await this.persist(() => this.#parts.writer.visibleOffsets(piece, []));
      if (visible.size > 0) return maxOf(visible, NONE);
    }
    return NONE;
  }

  /** `ranges`: what of the intent is not committed. */
  async #finish(open: Intent, ranges: readonly Range[]): Promise<void> {
    const { journal, letters } = this.#parts;
    if (ranges.length > 0) {
      const policy = this.#parts.policyLog.current.at(open.policyVersion);
      const known = { ranges, slices: slicesOf(open.shares), policy };
      const found = await this.persist(() => this.#parts.missing.survey(known));
      // The same slices as before, unless what decided about them is gone.
      const added = found.shares.map((share) => ({ ...share, docs: 0, bytes: 0 }));
      const shares = [...open.shares, ...added];
      const paths = [...open.paths, ...journal.paths.unknown(found.paths)];
      await this.persist(() => journal.begin({ ...open, shares, paths }));
      const begun = { ranges, slices: slicesOf(shares), policy };
      const refused = await this.#insertMissing(begun);
      for (const range of ranges) await this.persist(() => this.#parts.writer.settleRange(range, begun.slices));
      await this.#commit(ranges, found.progress, refused);
    }
    await journal.end();
    letters.forget(open.ranges);
  }

  async #uncommitted(ranges: readonly Range[]): Promise<Range[]> {
    const open: Range[] = [];
    for (const range of ranges) {
      const { partition } = range;
      const committed = (await this.persist(() => this.#parts.membership.committed(partition))) ?? 0;
      if (committed < range.to) open.push({ ...range, from: Math.max(range.from, committed) });
    }
    return open;
  }

  async #insertRows(batch: WriteBatch, begun: Begun): Promise<readonly RefusedRecord[]> {
    let refused: readonly RefusedRecord[];
    try {
      refused = await this.#parts.writer.insert(batch);
    } catch (thrown) {
      const { ranges } = begun;
      this.#parts.log.warn({ reason: messageOf(thrown), ranges }, 'An insert failed; looking what of it is visible');
      return this.#insertMissing(begun);
    }
    if (refused.length > 0) await this.persist(() => this.#parts.letters.write(refused));
    return refused;
  }

  /** Inserts what of the ranges is not visible; what the engine refuses although it works becomes a dead letter. */
  async #insertMissing(begun: Begun): Promise<readonly RefusedRecord[]> {
    return this.persist(async () => {
      const refused = await this.#parts.missing.insert(begun, (paths) => this.#knowPaths(paths));
      await this.#parts.letters.write(refused);
      return refused;
    });
  }

  /** Adds the types to the open intent, durably. */
  async #knowPaths(paths: readonly PathType[]): Promise<void> {
    const { journal } = this.#parts;
    const unknown = journal.paths.unknown(paths);
    const open = journal.openIntent;
    if (unknown.length > 0 && open !== undefined) await journal.begin({ ...open, paths: [...open.paths, ...unknown] });
  }

  async #commit(
    ranges: readonly Range[],
    progress: ReadonlyMap<number, Progress>,
    refused: readonly RefusedRecord[],
  ): Promise<void> {
    const { membership, onCommitted } = this.#parts;
    for (const { partition, from, to } of ranges) {
      await this.persist(() => membership.commit(partition, to));
      const deadLettered = refused.filter((record) => record.partition === partition).length;
      const range = { baseOffset: offset(from), nextOffset: offset(to) };
      onCommitted({ partition, range, progress: progress.get(partition), deadLettered });
    }
  }

  /** Again and again, with growing pauses, until it works, another owner has taken over, or this one is stopped. */
  persist<T>(work: () => Promise<T>): Promise<T> {
    return this.#parts.trouble.watch(() => this.#persist(work));
  }

  async #persist<T>(work: () => Promise<T>): Promise<T> {
    const { log, signal, trouble } = this.#parts;
    for (
      let pauseMs: number = STORE_LIMITS.retryDelayMs;
      ;
      pauseMs = Math.min(pauseMs * 2, STORE_LIMITS.retryDelayMaxMs)
    ) {
      try {
        return await work();
      } catch (thrown) {
        if (!mayPass(thrown) || signal.aborted) throw thrown;
        trouble.reason = messageOf(thrown);
        log.error({ reason: messageOf(thrown), pauseMs }, 'The store cannot write; trying again');
      }
      await delay(pauseMs, undefined, { signal });
    }
  }
}

function slicesOf(shares: readonly SliceShare[]): SliceKey[] {
  return uniqueSlices(new Set(shares.map(({ slice }) => slice)));
}

function maxOf(offsets: ReadonlySet<number>, least: number): number {
  let most = least;
  for (const each of offsets) most = Math.max(most, each);
  return most;
}

function mayPass(thrown: unknown): boolean {
  return !(thrown instanceof SpillwayError) || !['QUEUE_FENCED', 'QUEUE_PARTITION_STOPPED'].includes(thrown.code);
}
