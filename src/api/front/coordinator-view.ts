/** What the front door asks of whoever coordinates the roles (the supervisor), so that it answers with the store dead. */
import type { DiskSpace } from '../../lib/disk-space.ts';
import type { LedgerAnswer, LedgerQuestion } from '../../monitor/ledger/ledger.ts';
import type { GroupState, TopicState } from '../../queue/port.ts';
import type { SpoolState } from '../../queue/spool/spooling-queue.ts';

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

/** What the machine of this collector holds, of all tenants together. */
export interface MachineState {
  /** Of the queue's folder; absent before it was asked the first time. */
  readonly disk?: DiskSpace;
  /** What was accepted and could not go to the queue yet; absent where nothing is kept so. */
  readonly spool?: SpoolState;
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
