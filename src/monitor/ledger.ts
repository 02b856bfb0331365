/**
 * The ledger: the account of every record from accepted to indexed. Rows are absolute counts of one partition of
 * `raw` (or of the collector's dead letters, partition -1), one tenant and one minute of receipt; each role fills in
 * its own columns. At rest: accepted = written + dropped + deadLettered.
 */
export type LedgerColumn = 'accepted' | 'written' | 'dropped' | 'deadLettered';

export interface LedgerRow {
  readonly account: string;
  readonly partition: number;
  readonly tenant: string;
  /** Epoch minutes of `received`. */
  readonly minute: number;
  readonly column: LedgerColumn;
  readonly count: number;
}
