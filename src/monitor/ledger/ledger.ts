/**
 * The ledger: the account of every record from accepted to indexed. Rows are absolute counts of one partition of
 * `raw`, one tenant and one minute of receipt; each role keeps its own account and fills in its own columns:
 *
 * | account   | columns               | counted from                                                  |
 * |-----------|-----------------------|---------------------------------------------------------------|
 * | collector | accepted              | `raw`, and its own dead letters (accepted and dead-lettered)  |
 * | processor | dropped, deadLettered | the progress markers in `events`                              |
 * | store     | written, deadLettered | the progress markers up to the committed offset of `events`   |
 *
 * Where several process trees share the queue, the collector's account is that of all of them (shared-book.ts), and says
 * how much it knows.
 *
 * At rest accepted = written + dropped + deadLettered; what is missing is in flight, and what never arrives is lost.
 */
import { LEDGER_LIMITS } from '../../lib/limits.ts';

export const LEDGER_COLUMNS = ['accepted', 'written', 'dropped', 'deadLettered'] as const;
export type LedgerColumn = (typeof LEDGER_COLUMNS)[number];

export interface LedgerRow {
  readonly partition: number;
  readonly tenant: string;
  /** Epoch minutes of `received`: floor(ms / 60000). */
  readonly minute: number;
  readonly column: LedgerColumn;
  readonly count: number;
}

export const LEDGER_GROUPINGS = ['minute', 'hour', 'tenant', 'partition'] as const;
export type LedgerGrouping = (typeof LEDGER_GROUPINGS)[number];

export interface LedgerQuestion {
  /** Only this tenant; all where it is left out. */
  readonly tenant?: string;
  /** About `received`, [from, to), widened to whole minutes. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly by: readonly LedgerGrouping[];
}

export type LedgerCounts = Readonly<Record<LedgerColumn, number>> & {
  /** accepted - written - dropped - deadLettered: 0 at rest. */
  readonly inFlight: number;
};

export interface LedgerLine extends LedgerCounts {
  readonly tenant?: string;
  readonly partition?: number;
  /** Epoch ms of the beginning of the minute or hour. */
  readonly timeMs?: number;
}

/** What of a log the account does not have. */
export type Missing = {
  /** Such as `accepted/0`: what is counted, and the partition of its topic. */
  readonly log: string;
} & (
  | {
      /** It is there, and nobody has said yet what it counts. */
      readonly why: 'not yet';
      readonly offsets: number;
    }
  /** It was removed before anybody counted it. What was received before this time (epoch ms) was among it. */
  | { readonly why: 'gone'; readonly offsets: number; readonly beforeMs: number }
  /** The queue does not say how much there is. */
  | { readonly why: 'unread' }
);

/** How much an account knows that others fill in too. */
export interface LedgerKnown {
  /** When it was looked how much there is, epoch ms; 0 where that was never done. */
  readonly asOfMs: number;
  readonly missing: readonly Missing[];
}

export interface LedgerAnswer {
  readonly lines: readonly LedgerLine[];
  readonly total: LedgerCounts;
  /** Where other process trees count too; `missing` without what is gone of times that were not asked for. */
  readonly known?: LedgerKnown;
}

export const minuteOf = (timeMs: number): number => Math.floor(timeMs / 60_000);

type Counts = Record<LedgerColumn, number>;
const noCounts = (): Counts => ({ accepted: 0, written: 0, dropped: 0, deadLettered: 0 });

function finish(counts: Counts): LedgerCounts {
  return { ...counts, inFlight: counts.accepted - counts.written - counts.dropped - counts.deadLettered };
}

/** All accounts together, in the supervisor's memory; each role states its own again when it starts. */
export class Ledger {
  readonly #accounts = new Map<string, Map<string, LedgerRow>>();
  #known: LedgerKnown | undefined;

  /** How much the account of all process trees knows, where there is one; undefined where each role has its own. */
  get known(): LedgerKnown | undefined {
    return this.#known;
  }

  /** Takes rows as the state of these cells; `reset` forgets everything else of the account. */
  state(account: string, rows: readonly LedgerRow[], reset: boolean, known?: LedgerKnown): void {
    if (known !== undefined) this.#known = known;
    let cells = this.#accounts.get(account);
    if (cells === undefined || reset) {
      cells = new Map();
      this.#accounts.set(account, cells);
    }
    for (const row of rows) cells.set(ledgerKey(row), row);
  }

  answer(question: LedgerQuestion): LedgerAnswer {
    const from = minuteOf(question.fromMs);
    const to = Math.ceil(question.toMs / 60_000);
    const total = noCounts();
    const lines = new Map<string, { about: Omit<LedgerLine, keyof LedgerCounts>; counts: Counts }>();
    for (const cells of this.#accounts.values()) {
      for (const row of cells.values()) {
        if (row.minute < from || row.minute >= to) continue;
        if (question.tenant !== undefined && row.tenant !== question.tenant) continue;
        total[row.column] += row.count;
        const about = groupOf(row, question.by);
        const key = JSON.stringify(about);
        let line = lines.get(key);
        if (line === undefined) {
          if (lines.size >= LEDGER_LIMITS.answerLines) continue;
          line = { about, counts: noCounts() };
          lines.set(key, line);
        }
        line.counts[row.column] += row.count;
      }
    }
    const sorted = [...lines.values()].map(({ about, counts }) => ({ ...about, ...finish(counts) }));
    sorted.sort(
      (a, b) =>
        (a.timeMs ?? 0) - (b.timeMs ?? 0) ||
        (a.tenant ?? '').localeCompare(b.tenant ?? '') ||
        (a.partition ?? 0) - (b.partition ?? 0),
    );
    return {
      lines: sorted,
      total: finish(total),
      ...(this.#known === undefined ? {} : { known: since(this.#known, from) }),
    };
  }
}

/** What is gone of earlier times does not matter. */
function since({ asOfMs, missing }: LedgerKnown, fromMinute: number): LedgerKnown {
  return { asOfMs, missing: missing.filter((one) => one.why !== 'gone' || minuteOf(one.beforeMs) >= fromMinute) };
}

export function ledgerKey(row: Omit<LedgerRow, 'count'>): string {
  return `${row.partition} ${row.minute} ${row.column} ${row.tenant}`;
}

function groupOf(row: LedgerRow, by: readonly LedgerGrouping[]): Omit<LedgerLine, keyof LedgerCounts> {
  const stepMinutes = by.includes('minute') ? 1 : by.includes('hour') ? 60 : undefined;
  return {
    ...(stepMinutes === undefined ? {} : { timeMs: (row.minute - (row.minute % stepMinutes)) * 60_000 }),
    ...(by.includes('tenant') ? { tenant: row.tenant } : {}),
    ...(by.includes('partition') ? { partition: row.partition } : {}),
  };
}
