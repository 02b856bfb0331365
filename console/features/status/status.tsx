/** The corner that says whether Spillway is well: each role, the rate of arrival, and what is still on its way. */
import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import type { LedgerReport, StatusAnswer } from '../../../src/api/schemas/index.ts';
import { getJson, Problem } from '../../lib/api.ts';
import { formatCount, formatShortCount } from '../../lib/format.ts';
import { Popover } from '../../ui/popover.tsx';

const STATUS_MS = 5_000;
const LEDGER_MS = 15_000;

type Health = 'up' | 'degraded' | 'unreachable' | 'asking';

export function Status() {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const status = useQuery({
    queryKey: ['status'],
    queryFn: ({ signal }) => getJson<StatusAnswer>('api/status', {}, signal),
    refetchInterval: STATUS_MS,
    retry: false,
  });
  const rate = useRate();
  const health = healthOf(status.data, status.error);
  return (
    <div className="status">
      <button
        type="button"
        ref={button}
        className="button button-quiet status-button"
        aria-expanded={open}
        aria-haspopup="dialog"
        aria-label={`Status: ${describe(health, status.data)}`}
        title={describe(health, status.data)}
        onClick={() => setOpen(!open)}
      >
        <span className="status-dot" data-health={health} />
        <span className="status-text">
          {health === 'up' && rate !== undefined
            ? `${formatShortCount(rate.perSecond)}/s`
            : shortText(health, status.data)}
        </span>
      </button>
      {open && (
        <Popover label="Status" anchor={button} onClose={() => setOpen(false)}>
          <div className="status-panel">
            <h2>{describe(health, status.data)}</h2>
            {status.error !== null && <p className="status-note">{status.error.message}</p>}
            <dl>
              {(status.data?.roles ?? []).map((role) => (
                <div key={role.role}>
                  <dt>
                    <span className="status-dot" data-health={isUp(role) ? 'up' : 'degraded'} />
                    {role.role}
                  </dt>
                  <dd>
                    {role.state}
                    {role.restarts > 0 && `, restarted ${role.restarts === 1 ? 'once' : `${role.restarts} times`}`}
                  </dd>
                </div>
              ))}
              {rate !== undefined && (
                <>
                  <div className="status-rule">
                    <dt>accepted, last full minute</dt>
                    <dd>{formatCount(rate.accepted)}</dd>
                  </div>
                  <div>
                    <dt>on their way to the index</dt>
                    <dd>{formatCount(rate.inFlight)}</dd>
                  </div>
                </>
              )}
              {status.data !== undefined && (
                <div className="status-rule">
                  <dt>tenant</dt>
                  <dd>{status.data.you.tenant}</dd>
                </div>
              )}
            </dl>
          </div>
        </Popover>
      )}
    </div>
  );
}

interface Rate {
  readonly perSecond: number;
  readonly accepted: number;
  readonly inFlight: number;
}

/** From the ledger, which knows whole minutes: the last one that is over. */
function useRate(): Rate | undefined {
  const ledger = useQuery({
    queryKey: ['ledger'],
    queryFn: ({ signal }) => getJson<LedgerReport>('api/ledger', { from: 'now-5m', by: 'minute' }, signal),
    refetchInterval: LEDGER_MS,
    retry: false,
  });
  if (ledger.data === undefined || ledger.isError) return undefined;
  const lastMinute = Date.parse(ledger.data.to) - (Date.parse(ledger.data.to) % 60_000) - 60_000;
  const line = ledger.data.lines.find(({ time }) => time !== undefined && Date.parse(time) === lastMinute);
  const accepted = line?.accepted ?? 0;
  return { perSecond: accepted / 60, accepted, inFlight: Math.max(0, ledger.data.total.inFlight) };
}

type Role = StatusAnswer['roles'][number];

function isUp(role: Role): boolean {
  return role.state === 'ready';
}

function healthOf(status: StatusAnswer | undefined, error: Error | null): Health {
  // One who is asked for a token has been answered.
  if (error instanceof Problem && error.status > 0 && error.status < 500) return 'asking';
  if (error !== null) return 'unreachable';
  if (status === undefined) return 'asking';
  return status.roles.every(isUp) ? 'up' : 'degraded';
}

function downRoles(status: StatusAnswer | undefined): string {
  return (status?.roles ?? [])
    .filter((role) => !isUp(role))
    .map((role) => `${role.role} ${role.state}`)
    .join(', ');
}

function describe(health: Health, status: StatusAnswer | undefined): string {
  if (health === 'up') return 'Everything is up';
  if (health === 'degraded') return `Not everything is up: ${downRoles(status)}`;
  return health === 'unreachable' ? 'Spillway does not answer' : 'Asking how Spillway is';
}

function shortText(health: Health, status: StatusAnswer | undefined): string {
  if (health === 'degraded') return downRoles(status);
  return { up: 'up', unreachable: 'unreachable', asking: '…' }[health];
}
