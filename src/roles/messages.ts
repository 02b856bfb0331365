/**
 * What the supervisor and its roles tell each other over the child processes' IPC channels. Every message is plain
 * JSON; states are absolute (not differences), so a lost or repeated message does no harm.
 */
import type { Config } from '../config/schema.ts';
import type { ErrorCode } from '../lib/errors.ts';
import type { LedgerQuestion, LedgerRow } from '../monitor/ledger/ledger.ts';
import type { Mark } from '../queue/segment-log/marks.ts';

export type RoleName = 'collector' | 'processor' | 'store';

export type { Mark };

export interface Listening {
  readonly what: string;
  readonly address: string;
  readonly port: number;
}

export type FromRole =
  | { readonly kind: 'ready'; readonly listening: readonly Listening[] }
  | { readonly kind: 'marks'; readonly marks: readonly Mark[] }
  /** `reset` forgets what this role said before. */
  | { readonly kind: 'ledger'; readonly reset: boolean; readonly rows: readonly LedgerRow[] }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  /** What prom-client's getMetricsAsJSON() gives; the supervisor merges the roles'. */
  | { readonly kind: 'metrics'; readonly metrics: readonly object[] }
  | { readonly kind: 'request'; readonly id: number; readonly request: CoordinatorRequest };

export interface StartMessage {
  readonly kind: 'start';
  readonly role: RoleName;
  readonly config: Config;
  /** Proves that a request to the store comes from the front door; new at every start. */
  readonly internalSecret: string;
  /** Whether the role runs without the others. */
  readonly alone: boolean;
}

export type ToRole =
  | StartMessage
  | { readonly kind: 'marks'; readonly marks: readonly Mark[] }
  /** Where the store listens; the collector streams queries there. Undefined while it is down. */
  | { readonly kind: 'store'; readonly port: number | undefined }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'stop' };

/** Requests that a role makes of the supervisor; each has one answer. */
export type CoordinatorRequest =
  /** Answer: the new epoch, durably larger than every earlier one of the partition. */
  | { readonly do: 'epoch'; readonly topic: string; readonly partition: number }
  /** Answer: the new generation of the group; earlier ones are fenced. */
  | { readonly do: 'join'; readonly group: string }
  /** Answer: the committed offset, or null. */
  | { readonly do: 'committed'; readonly group: string; readonly topic: string; readonly partition: number }
  /** Answer: null, when it is durable; refused with QUEUE_FENCED for an earlier generation. */
  | {
      readonly do: 'commit';
      readonly group: string;
      readonly generation: number;
      readonly topic: string;
      readonly partition: number;
      readonly offset: number;
    }
  | { readonly do: 'topics' }
  | { readonly do: 'groups' }
  | { readonly do: 'ledger'; readonly question: LedgerQuestion }
  /** Answer: the Prometheus text of all roles and the supervisor. */
  | { readonly do: 'metrics' }
  /** Answer: {role, state, pid, restarts}[]. */
  | { readonly do: 'roles' };
