/** What the front door asks of whoever coordinates the roles (the supervisor), so that it answers with the store dead. */
import type { LedgerAnswer, LedgerQuestion } from '../../monitor/ledger/ledger.ts';
import type { GroupState, TopicState } from '../../queue/port.ts';

export interface RoleState {
  readonly role: string;
  readonly state: string;
  readonly pid: number | null;
  readonly restarts: number;
  readonly lastExit?: string | null;
  /** What it needs before it can begin. */
  readonly waitsFor?: string | null;
  /** Epoch ms of its start. */
  readonly sinceMs?: number;
}

export interface CoordinatorView {
  /** All, or only the one of that name in the queue. */
  topics(only?: string): Promise<readonly TopicState[]>;
  groups(): Promise<readonly GroupState[]>;
  /** Raises `raw` and `events` to so many; how many they have then. Throws BAD_REQUEST where that is fewer than before. */
  addPartitions(partitions: number): Promise<number>;
  ledger(question: LedgerQuestion): Promise<LedgerAnswer>;
  /** Prometheus text of all roles and the coordinator itself. */
  metrics(): Promise<string>;
  roles(): Promise<readonly RoleState[]>;
}
