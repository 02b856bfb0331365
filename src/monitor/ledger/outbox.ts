/**
 * What a role has counted and not reported yet. Ranges of a log are gathered into one report until that is as large as it
 * may be. Nothing is reported twice. What does not fit, or is lost with the process, others count from the log.
 */
import { LEDGER_LIMITS } from '../../lib/limits.ts';
import { type LedgerRow, ledgerKey } from './ledger.ts';
import { Ranges } from './ranges.ts';
import type { Report } from './report.ts';
import { writeRow } from './rows.ts';

interface Waiting {
  readonly ranges: Ranges;
  readonly rows: Map<string, LedgerRow>;
}

export class ReportOutbox {
  /** By log, the last one is still being filled. */
  readonly #waiting = new Map<string, Waiting[]>();
  readonly #reported = new Map<string, Ranges>();
  readonly #gone: Report[] = [];

  /** What [from, to) of the log counts; the rows of one report may pass the limit by those of one call. */
  add(log: string, from: number, to: number, rows: readonly LedgerRow[]): void {
    if (from < 0 || to <= from) return;
    const reported = this.#reported.get(log) ?? new Ranges();
    if (reported.overlaps(from, to)) return;
    reported.add(from, to);
    // Not each time: what is forgotten is at the front.
    if (reported.size > 2 * LEDGER_LIMITS.reportedRanges) reported.forgetLowest(LEDGER_LIMITS.reportedRanges);
    this.#reported.set(log, reported);
    const open = this.#open(log);
    // It may have been forgotten that it was reported, and still wait.
    if (open.ranges.overlaps(from, to)) return;
    open.ranges.add(from, to);
    for (const row of rows) {
      if (row.count === 0) continue;
      const key = ledgerKey(row);
      const before = open.rows.get(key)?.count ?? 0;
      open.rows.set(key, { ...row, count: before + row.count });
    }
  }

  /** [from, to) of the log was removed before anybody has counted it. */
  addGone(log: string, from: number, to: number, goneBeforeMs: number): void {
    this.#gone.push({ version: 1, log, ranges: [from, to], rows: [], goneBeforeMs });
    this.#gone.splice(0, this.#gone.length - LEDGER_LIMITS.waitingReports);
  }

  /** Everything; it is the caller's. */
  take(): Report[] {
    const reports = this.#gone.splice(0);
    for (const [log, waiting] of this.#waiting) {
      for (const { ranges, rows } of waiting) {
        reports.push({ version: 1, log, ranges: ranges.bounds, rows: Array.from(rows.values(), writeRow) });
      }
    }
    this.#waiting.clear();
    return reports;
  }

  #open(log: string): Waiting {
    const waiting = this.#waiting.get(log) ?? [];
    this.#waiting.set(log, waiting);
    const last = waiting.at(-1);
    const { reportRows, reportRanges, waitingReports } = LEDGER_LIMITS;
    if (last !== undefined && last.rows.size < reportRows && last.ranges.size < reportRanges) return last;
    const next: Waiting = { ranges: new Ranges(), rows: new Map() };
    waiting.push(next);
    if (waiting.length > waitingReports) waiting.shift();
    return next;
  }
}
