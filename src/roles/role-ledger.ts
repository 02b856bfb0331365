/** How a role puts its work into the ledger. */
import { LEDGER_LIMITS } from '../lib/limits.ts';
import type { BatchCounter } from '../monitor/ledger/counting.ts';
import type { LedgerKnown, LedgerRow } from '../monitor/ledger/ledger.ts';
import type { Appended, TopicPartition } from '../queue/port.ts';
import type { SupervisorLink } from './link.ts';

/** A log that an account is counted from, and how a batch of it counts. */
export interface FollowedLog {
  readonly at: TopicPartition;
  readonly count: BatchCounter;
  /** Up to where it counts; the durable end where it is left out. */
  readonly end?: () => Promise<number | undefined>;
}

export interface RoleLedger {
  /**
   * From now on the role reports the batches of this log with `add()`. Call it when the log's writer is open: then it
   * ends where the role goes on. What is missing before that is counted, before or after `start()`.
   */
  follow(counted: FollowedLog): void;
  /** Another log with little in it, of which nothing is reported. */
  poll(counted: FollowedLog): void;
  /** Adds the counts of offsets that are durable. */
  add(at: TopicPartition, range: Appended, rows: readonly LedgerRow[]): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** To the supervisor, which answers for the account. */
export function sayChanges(
  link: SupervisorLink,
  { reset, rows }: { readonly reset: boolean; readonly rows: readonly LedgerRow[] },
  known?: LedgerKnown,
): void {
  const nothingKnown = known === undefined ? {} : { known: { asOfMs: 0, missing: [] } };
  if (reset) link.send({ kind: 'ledger', reset, rows: [], ...nothingKnown });
  for (let at = 0; at < rows.length; at += LEDGER_LIMITS.rowsPerMessage) {
    link.send({ kind: 'ledger', reset: false, rows: rows.slice(at, at + LEDGER_LIMITS.rowsPerMessage) });
  }
  if (known !== undefined) link.send({ kind: 'ledger', reset: false, rows: [], known });
}
