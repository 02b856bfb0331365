/** Which ledger a role's work gets into: an account of its own, or that of all process trees on the queue. */
import { LedgerKeeper } from './ledger-keeper.ts';
import type { RoleContext } from './role-context.ts';
import type { FollowedLog, RoleLedger } from './role-ledger.ts';
import { SharedLedger } from './shared-ledger.ts';

/** `polled`: logs with little in them. */
export function openLedger(context: RoleContext, polled: readonly FollowedLog[] = []): RoleLedger {
  const { sharedLedger } = context;
  return sharedLedger === undefined ? new LedgerKeeper(context, polled) : new SharedLedger(context, sharedLedger);
}
