/**
 * What the supervisor and its roles tell each other over the child processes' IPC channels. Every message is plain
 * JSON; states are absolute (not differences), so a lost or repeated message does no harm.
 */
import type { Config } from '../config/schema.ts';
import type { ErrorCode } from '../lib/errors.ts';
import type { LedgerKnown, LedgerQuestion, LedgerRow } from '../monitor/ledger/ledger.ts';
import type { Catalogue } from '../queue/created/catalogue.ts';
import type { TopicAdminCall } from '../queue/created/topic-admin.ts';
import type { TopicLayout } from '../queue/port.ts';
import type { Mark } from '../queue/segment-log/marks.ts';

export type RoleName = 'collector' | 'processor' | 'store';

export type { Mark };

export interface Listening {
  readonly what: string;
  readonly address: string;
  readonly port: number;
}

/** Slices that take nothing while all others do, and the receipt (epoch ms) of the earliest event that waits. */
export interface SlicesWaiting {
  readonly slices: number;
  readonly sinceMs: number;
}

/** What does not do its work for now, and since when (epoch ms); null where it does, or does not run here. */
export interface Behind {
  readonly processorMs: number | null;
  readonly storeMs: number | null;
  /** For the first time, and nothing has failed: that takes longer than what is worth a word otherwise. */
  readonly isStoreStarting: boolean;
  readonly waiting: SlicesWaiting | null;
}

export type FromRole =
  | { readonly kind: 'ready'; readonly listening: readonly Listening[] }
  /** It cannot begin before that is there; it may take long. Again with another sentence. */
  | { readonly kind: 'waiting'; readonly waitsFor: string }
  /** What it waited for is there: from now on it has the time that a start has. */
  | { readonly kind: 'starting' }
  | { readonly kind: 'marks'; readonly marks: readonly Mark[] }
  /** `reset` forgets what this role said before. */
  | {
      readonly kind: 'ledger';
      readonly reset: boolean;
      readonly rows: readonly LedgerRow[];
      /** Of the account of all process trees: how much it knows from now on. */
      readonly known?: LedgerKnown;
    }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  /** Since when (epoch ms) it cannot do its work for now, and which part of it; null where it can. */
  | { readonly kind: 'held-up'; readonly sinceMs: number | null; readonly waiting: SlicesWaiting | null }
  /** Each second. */
  | { readonly kind: 'alive' }
  /** What prom-client's getMetricsAsJSON() gives; the supervisor merges the roles'. */
  | { readonly kind: 'metrics'; readonly metrics: readonly object[] }
  | { readonly kind: 'request'; readonly id: number; readonly request: CoordinatorRequest };

export interface StartMessage {
  readonly kind: 'start';
  readonly role: RoleName;
  readonly config: Config;
  /** Of the queue, as it is now. */
  readonly topics: Readonly<Record<string, TopicLayout>>;
  /** What users created, as it is now. */
  readonly catalogue: Catalogue;
  /** Proves that a request to the store comes from the front door; new at every start. */
  readonly internalSecret: string;
  /** Whether the role runs without the others. */
  readonly alone: boolean;
}

export type ToRole =
  | StartMessage
  | { readonly kind: 'marks'; readonly marks: readonly Mark[] }
  /** All topics of the queue, when one has changed. */
  | { readonly kind: 'topics'; readonly layouts: Readonly<Record<string, TopicLayout>> }
  /** What users created, when it has changed. */
  | { readonly kind: 'catalogue'; readonly catalogue: Catalogue }
  /** The member of this role should ask what it has. */
  | { readonly kind: 'news'; readonly group: string; readonly member: string }
  /** Where the store listens; the collector streams queries there. Undefined while it is down. */
  | { readonly kind: 'store'; readonly port: number | undefined }
  /** What comes after the collector. */
  | ({ readonly kind: 'behind' } & Behind)
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'stop' };

/** Requests that a role makes of the supervisor; each has one answer. */
export type CoordinatorRequest =
  /** Answer: the new epoch, durably larger than every earlier one of the partition. */
  | { readonly do: 'epoch'; readonly topic: string; readonly partition: number }
  /** Answer: null, when each topic has at least so many partitions. */
  | { readonly do: 'raise'; readonly counts: Readonly<Record<string, number>> }
  /** Answer: null, when the additions to the topic have their barrier. */
  | { readonly do: 'barrier'; readonly topic: string; readonly ends: readonly number[] }
  /** Answer: the id of the new member. */
  | { readonly do: 'join'; readonly group: string; readonly topics: readonly string[] }
  /** Answer: what the member has (HeldPartition[]); refused with QUEUE_FENCED where it is not known any more. */
  | { readonly do: 'heartbeat'; readonly group: string; readonly member: string }
  /** Answer: null. */
  | {
      readonly do: 'release';
      readonly group: string;
      readonly topic: string;
      readonly partition: number;
      readonly generation: number;
    }
  /** Answer: null. */
  | { readonly do: 'leave'; readonly group: string; readonly member: string }
  /** Answer: the committed offset, or null. */
  | { readonly do: 'committed'; readonly group: string; readonly topic: string; readonly partition: number }
  /** Answer: null, when it is durable; refused with QUEUE_FENCED where the partition has another generation. */
  | {
      readonly do: 'commit';
      readonly group: string;
      readonly topic: string;
      readonly partition: number;
      readonly generation: number;
      readonly offset: number;
    }
  | { readonly do: 'topics'; readonly only?: string }
  | { readonly do: 'groups' }
  /** Answer: how many partitions `raw` and `events` have now. */
  | { readonly do: 'addPartitions'; readonly partitions: number }
  /** Answer: null; refused with what the change may not be for. */
  | { readonly do: 'topicAdmin'; readonly asked: TopicAdminCall }
  | { readonly do: 'ledger'; readonly question: LedgerQuestion }
  /** Answer: the Prometheus text of all roles and the supervisor. */
  | { readonly do: 'metrics' }
  /** Answer: RoleReport[]. */
  | { readonly do: 'roles' };
