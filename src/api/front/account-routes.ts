/** `/api/ledger`, `/api/status` and `/metrics`. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../lib/clock.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { LEDGER_LIMITS } from '../../lib/limits.ts';
import { LEDGER_GROUPINGS, type LedgerKnown, type LedgerLine, type Missing } from '../../monitor/ledger/ledger.ts';
import { accounts } from '../catalogue/index.ts';
import type { HealthAnswer, StatusAnswer } from '../schemas/account.ts';
import { isoTime, parseTime } from '../time.ts';
import type { CoordinatorView, MachineState } from './coordinator-view.ts';

const MINUTE_MS = 60_000;
const DEFAULT_LINES = 1_000;

export interface AccountRoutesOptions {
  readonly coordinator: CoordinatorView;
  readonly clock: Clock;
  /** The same that `/health/ready` answers. */
  readonly health: () => HealthAnswer;
  readonly machine: () => MachineState;
}

export function accountRoutes(
  server: FastifyInstance,
  { coordinator, clock, health, machine }: AccountRoutesOptions,
): void {
  const app = server.withTypeProvider<TypeBoxTypeProvider>();

  app.route({
    ...accounts.ledger,
    handler: async ({ query, principal }) => {
      const { by = 'tenant', limit = DEFAULT_LINES, after = 0 } = query;
      const nowMs = clock.now();
      const fromMs = wholeMinute(parseTime(query.from ?? 'now-1h', nowMs, 'from', 'start'), Math.floor);
      const toMs = wholeMinute(parseTime(query.to ?? 'now', nowMs, 'to', 'end'), Math.ceil);
      if (fromMs > toMs) {
        throw new SpillwayError('BAD_REQUEST', 'The range ends before it begins.', { details: { parameter: 'from' } });
      }
      const names = by.split(',');
      const { lines, total, known } = await coordinator.ledger({
        fromMs,
        toMs,
        by: LEDGER_GROUPINGS.filter((grouping) => names.includes(grouping)),
        ...(principal.scopes.has('admin') ? {} : { tenant: principal.tenant }),
      });
      const next = after + limit;
      return {
        from: isoTime(fromMs),
        to: isoTime(toMs),
        lines: lines.slice(after, next).map(lineOf),
        total,
        ...(known === undefined ? {} : knownOf(known, clock.now(), principal.scopes.has('admin'))),
        ...(next < Math.min(lines.length, LEDGER_LIMITS.answerLines) ? { next } : {}),
      };
    },
  });

  app.route({
    ...accounts.status,
    handler: async ({ principal: { tenant, scopes, token } }) => ({
      time: isoTime(clock.now()),
      health: health(),
      roles: (await coordinator.roles()).map(({ role, state, pid, restarts, lastExit, waitsFor, sinceMs }) => ({
        ...{ role, state, pid, restarts },
        ...(typeof lastExit === 'string' ? { lastExit } : {}),
        ...(typeof waitsFor === 'string' ? { waitsFor } : {}),
        ...(sinceMs === undefined ? {} : { since: isoTime(sinceMs) }),
      })),
      ...machineOf(machine()),
      you: { tenant, scopes: [...scopes], ...(token === undefined ? {} : { token }) },
    }),
  });

  app.route({
    ...accounts.metrics,
    handler: async (_request, reply) => {
      const text = await coordinator.metrics();
      return reply.type('text/plain; version=0.0.4; charset=utf-8').send(text);
    },
  });
}

function machineOf({ disk, spool }: MachineState): Pick<StatusAnswer, 'disk' | 'spool'> {
  return {
    ...(disk === undefined ? {} : { disk: { freeBytes: disk.freeBytes, usedPercent: disk.usedPercent } }),
    ...(spool === undefined ? {} : { spool: { records: spool.records, since: isoTime(spool.sinceMs) } }),
  };
}

const wholeMinute = (timeMs: number, round: (minutes: number) => number): number =>
  round(timeMs / MINUTE_MS) * MINUTE_MS;

/** How much there is of others is not every tenant's to know. */
function knownOf({ asOfMs, missing }: LedgerKnown, nowMs: number, isAdmin: boolean) {
  const isFresh = asOfMs > 0 && nowMs - asOfMs < LEDGER_LIMITS.staleMs;
  return {
    ...(asOfMs > 0 ? { asOf: isoTime(asOfMs) } : {}),
    complete: isFresh && missing.length === 0,
    ...(isAdmin ? { missing: missing.map(missingOf) } : {}),
  };
}

function missingOf(missing: Missing) {
  const { log, why } = missing;
  return {
    ...{ log, why },
    ...(missing.why === 'unread' ? {} : { offsets: missing.offsets }),
    ...(missing.why === 'gone' ? { before: isoTime(missing.beforeMs) } : {}),
  };
}

function lineOf({ timeMs, ...line }: LedgerLine) {
  return { ...(timeMs === undefined ? {} : { time: isoTime(timeMs) }), ...line };
}
