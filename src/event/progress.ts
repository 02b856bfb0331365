/**
 * The progress marker: the last record of every batch that the processor appends to `events`. It makes input position
 * and output one atomic write, so a processor may die at any moment: its successor reads the last marker and goes on.
 * Its key is PROGRESS_KEY (events have no key) and its value is `Progress` as JSON.
 */
export const PROGRESS_KEY = 'progress';

/** How many records of one tenant and one minute of receipt ended in which way. */
export interface LedgerEntry {
  readonly tenant: string;
  /** Epoch minutes of `received`: floor(ms / 60000). */
  readonly minute: number;
  /** Records taken from `raw`. */
  readonly taken: number;
  /** Events in this batch. */
  readonly out: number;
  /** Taken by a rule, by the rule's name. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly deadLettered: number;
}

export interface Progress {
  readonly version: 1;
  /** The next offset of the same partition of `raw`. */
  readonly rawOffset: number;
  /** The newest time of receipt, epoch ms, among the records up to rawOffset; 0 when there was none. */
  readonly receivedTo: number;
  /** One entry per (tenant, minute) of this batch. */
  readonly ledger: readonly LedgerEntry[];
  /** What stages hold back (multi-line, windows), by stage name. */
  readonly held?: Readonly<Record<string, unknown>>;
}
