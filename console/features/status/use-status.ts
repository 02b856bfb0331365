/** What the status shows, asked again while the page is in sight. */
import { type QueryClient, useQuery } from '@tanstack/react-query';
import type { GroupsAnswer, LedgerReport, StatusAnswer } from '../../../src/api/schemas/index.ts';
import { getJson } from '../../lib/api.ts';
import { type Condition, conditionOf } from './condition.ts';

export const STATUS_KEY = ['status'] as const;
const STATUS_MS = 5_000;
const ACCOUNT_MS = 15_000;

export interface Behind {
  readonly role: string;
  readonly records: number;
  /** Age of the oldest of them. */
  readonly ms: number;
}

export interface Flow {
  readonly perSecond: number;
  /** In the last minute that is over. */
  readonly accepted: number;
  readonly inFlight: number;
  readonly deadLettered: number;
}

export interface Shown {
  readonly condition: Condition;
  readonly status: StatusAnswer | undefined;
  readonly flow: Flow | undefined;
  /** Of the readers of the queue; undefined while nobody says. */
  readonly behind: readonly Behind[] | undefined;
}

export function useStatus(): Shown {
  const status = useQuery({
    queryKey: STATUS_KEY,
    queryFn: ({ signal }) => getJson<StatusAnswer>('api/status', {}, signal),
    refetchInterval: STATUS_MS,
    refetchOnWindowFocus: 'always',
    retry: false,
  });
  const ledger = useQuery({
    queryKey: ['ledger'],
    queryFn: ({ signal }) => getJson<LedgerReport>('api/ledger', { from: 'now-5m', by: 'minute' }, signal),
    refetchInterval: ACCOUNT_MS,
    retry: false,
  });
  const groups = useQuery({
    queryKey: ['groups'],
    queryFn: ({ signal }) => getJson<GroupsAnswer>('api/groups', {}, signal),
    refetchInterval: ACCOUNT_MS,
    retry: false,
  });
  return {
    condition: conditionOf(status.data, status.error, groups.error),
    status: status.isError ? undefined : status.data,
    flow: ledger.data === undefined || ledger.isError ? undefined : flowOf(ledger.data),
    behind: groups.data === undefined || groups.isError ? undefined : behindOf(groups.data),
  };
}

/** A question that failed knows more than the status of a moment ago. */
export function askStatusAgain(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: STATUS_KEY });
}

/** The ledger knows whole minutes: the last one that is over. */
function flowOf({ to, lines, total }: LedgerReport): Flow {
  const lastMinute = Date.parse(to) - (Date.parse(to) % 60_000) - 60_000;
  const accepted = lines.find(({ time }) => time !== undefined && Date.parse(time) === lastMinute)?.accepted ?? 0;
  return {
    perSecond: accepted / 60,
    accepted,
    inFlight: Math.max(0, total.inFlight),
    deadLettered: total.deadLettered,
  };
}

/** Of the roles alone: what users read is theirs. */
function behindOf({ groups }: GroupsAnswer): Behind[] {
  return groups.flatMap(({ group, tenant, partitions }) =>
    tenant !== undefined
      ? []
      : {
          role: group,
          records: partitions.reduce((sum, { lag }) => sum + lag, 0),
          ms: Math.max(0, ...partitions.map(({ lagMs }) => lagMs)),
        },
  );
}
