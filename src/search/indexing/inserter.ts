/**
 * Inserts drafts so that each event is in the store exactly once, also when this process dies at any moment:
 *
 * 1. the intent is durable in the journal; 2. letters of refused events are durable; 3. rows are inserted and durable
 * (so are letters of those that the engine refuses); 4. the offsets are committed; 5. the intent ends.
 *
 * After a crash the open intent names the ranges: what of them is visible is read back, and only the rest inserted. Where the
 * engine says that rows wait with their slice, the offsets before them are committed, and no others (positions.ts).
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Progress } from '../../event/progress.ts';
import { messageOf } from '../../lib/errors.ts';
import { STORE_LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { SliceShare } from '../catalogue.ts';
import type { Intent, Range, StoreJournal } from '../journal.ts';
import type { PathType } from '../path-types.ts';
import type { Inserted, PolicyLog, RefusedRecord, SearchWriter, WriteBatch } from '../port.ts';
import { type SliceKey, uniqueSlices } from '../slices.ts';
import { CatchUp } from './catch-up.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Draft } from './draft.ts';
import { isPassing } from './is-passing.ts';
import type { Membership } from './membership.ts';
import { type Begun, type MissingRows, soon } from './missing-rows.ts';
import { type Committed, Positions } from './positions.ts';
import type { StoreTrouble } from './trouble.ts';
import { rowsOf, type WaitingEvents } from './waiting.ts';

/** Told when a range was passed: what of it can be found then, is found. */
export interface Stored {
  readonly partition: number;
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
  readonly waiting: WaitingEvents;
  readonly onStored: (stored: Stored) => void;
  readonly onCommitted: (committed: Committed) => void;
  readonly signal: AbortSignal;
}

/** Where there is no offset. */
const NONE = -1;

export class Inserter {
  readonly positions: Positions;
  readonly catchUp: CatchUp;
  readonly #parts: InserterParts;
  /** Of the insert that the process before this one left, where several stores write: its end and its policy. */
  readonly #leftBehind = new Map<number, { readonly to: number; readonly version: number }>();

  constructor(parts: InserterParts) {
    this.#parts = parts;
    const { membership, waiting, letters, missing, policyLog, log, signal, onCommitted } = parts;
    this.positions = new Positions({
      membership,
      waiting,
      letters,
      persist: (work) => this.persist(work),
      markers: (range) => missing.markers(range, soon()),
      onCommitted,
    });
    const { positions } = this;
    const onPaths = (paths: readonly PathType[]) => this.#knowPaths(paths);
    this.catchUp = new CatchUp({ waiting, positions, missing, letters, policyLog, onPaths, log, signal });
  }

  /**
   * Inserts and commits; tries again while the engine or the disk fails. Rejects when it is fenced or stopped. How many of
   * its rows wait.
   */
  async insert(draft: Draft): Promise<number> {
    const { journal, letters, writer } = this.#parts;
    const refused = [...draft.refused];
    let waiting = 0;
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
      if (draft.batch !== undefined) {
        const inserted = await this.#insertRows(draft.batch, begun);
        refused.push(...inserted.refused);
        waiting = rowsOf(inserted.waiting);
      }
      await this.persist(() => writer.settle());
    }
    draft.batch?.discard();
    await this.#passed(draft.ranges, draft.progress, refused);
    await journal.end();
    return waiting;
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
    letters.forget(open.ranges);
  }

  /**
   * Takes over a partition that is this store's now, and answers where it goes on: after the last event that is in the index.
   * What the insert lacks that another store had under way is inserted here: it lies just before that. What lies further
   * back is looked at beside what comes. `committed`: or, where nothing is known to be, where the queue begins.
   */
  async takeOver(partition: number, committed: number, end: number): Promise<number> {
    const { writer, policyLog, waiting, log } = this.#parts;
    const { shared } = writer;
    this.positions.begin(partition, committed, committed);
    if (shared === undefined) return committed;
    // What another one has begun by an earlier policy goes to the same slices by this one, but for times ahead of the clock.
    const left = this.#leftBehind.get(partition) ?? { to: 0, version: policyLog.current.version };
    this.#leftBehind.delete(partition);
    const last = await this.persist(() => shared.lastOffset({ partition, from: committed, to: end }));
    const head = Math.max((last ?? NONE) + 1, Math.min(left.to, end));
    if (head <= committed) return committed;
    const from = Math.max(committed, head - STORE_LIMITS.finishOffsets);
    if (from > committed) {
      log.info({ partition, from: committed, to: from }, 'Looking for events that wait, beside those that come');
      waiting.addUnknown(partition, committed, from);
      this.positions.begin(partition, committed, from);
    }
    const range = { partition, from, to: head };
    log.info({ range }, 'Finishing an insert that another store began');
    const open = { ranges: [range], shares: [], policyVersion: left.version, paths: [], receivedMs: 0 };
    await this.#finish(open, [range]);
    return head;
  }

  /** The partition is another store's. */
  release(partition: number): void {
    this.#parts.waiting.release(partition);
    this.positions.release(partition);
  }

  async #finish(open: Intent, ranges: readonly Range[]): Promise<void> {
    const { journal } = this.#parts;
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
      // A slice that takes nothing waits, and everybody else's events for as short as can be.
      const { refused } = await this.#insertMissing(begun, true);
      for (const range of ranges) await this.persist(() => this.#parts.writer.settleRange(range, begun.slices));
      await this.#passed(ranges, found.progress, refused);
    }
    await journal.end();
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

  async #insertRows(batch: WriteBatch, begun: Begun): Promise<Inserted> {
    const { writer, waiting, letters, log } = this.#parts;
    let inserted: Inserted;
    try {
      inserted = await writer.insert(batch, { skips: waiting.skips });
      waiting.add(inserted.waiting);
    } catch (thrown) {
      const { ranges } = begun;
      log.warn({ reason: messageOf(thrown), ranges }, 'An insert failed; looking what of it is visible');
      return this.#insertMissing(begun);
    }
    const { refused } = inserted;
    if (refused.length > 0) await this.persist(() => letters.write(refused));
    return inserted;
  }

  /** Inserts what of the ranges is not visible; what the engine refuses although it works becomes a dead letter. */
  async #insertMissing(begun: Begun, isTrial = false): Promise<Inserted> {
    const { waiting, missing, letters } = this.#parts;
    return this.persist(async () => {
      // With one more than may wait: one of the others may be over.
      if (waiting.isFull) await this.catchUp.step();
      const how = { skips: waiting.skips, isTrial };
      const found = await missing.insert(begun, (paths) => this.#knowPaths(paths), how);
      waiting.add(found.waiting);
      await letters.write(found.refused);
      return found;
    });
  }

  /** Adds the types to the open intent, durably. */
  async #knowPaths(paths: readonly PathType[]): Promise<void> {
    const { journal } = this.#parts;
    const unknown = journal.paths.unknown(paths);
    const open = journal.openIntent;
    if (unknown.length > 0 && open !== undefined) await journal.begin({ ...open, paths: [...open.paths, ...unknown] });
  }

  async #passed(
    ranges: readonly Range[],
    progress: ReadonlyMap<number, Progress>,
    refused: readonly RefusedRecord[],
  ): Promise<void> {
    const { onStored } = this.#parts;
    for (const range of ranges) {
      const { partition } = range;
      await this.positions.stored(range, progress.get(partition));
      const deadLettered = refused.filter((record) => record.partition === partition).length;
      onStored({ partition, progress: progress.get(partition), deadLettered });
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
        if (!isPassing(thrown) || signal.aborted) throw thrown;
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
