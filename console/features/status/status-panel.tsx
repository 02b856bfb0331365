/** What an operator asks first at night: what is wrong and since when, who works, what waits where, and how much room is left. */
import { formatSize } from '../../../src/lib/units.ts';
import { formatAgo, formatClock, formatCount, formatDateTime, formatSpan } from '../../lib/format.ts';
import { piecesOf } from '../../lib/sentence.ts';
import { serverNow } from '../../lib/server-clock.ts';
import { useSettings } from '../../lib/settings.ts';
import { isUp, sinceOf } from './condition.ts';
import type { Behind, Shown } from './use-status.ts';

const DAY_MS = 86_400_000;

export function StatusPanel({ condition, status, flow, behind }: Shown) {
  const { zone } = useSettings();
  return (
    <div className="status-panel">
      <h2 data-health={condition.health}>
        <span className="status-dot" data-health={condition.health} />
        {condition.title}
      </h2>
      {condition.reasons.length > 0 && (
        <ul className="status-reasons" aria-label="Why">
          {condition.reasons.map((reason) => (
            <li key={reason}>
              <Sentence text={reason} />
            </li>
          ))}
        </ul>
      )}
      {status !== undefined && (
        <>
          <dl aria-label="Roles">
            {status.roles.map((role) => (
              <div key={role.role}>
                <dt>
                  <span className="status-dot" data-health={isUp(role) ? 'up' : 'degraded'} />
                  {role.role}
                </dt>
                <dd>{roleText(role)}</dd>
              </div>
            ))}
          </dl>
          <dl aria-label="What waits">
            <div>
              <dt>processor is behind</dt>
              <dd>{behindText(behind, 'processor')}</dd>
            </div>
            <div>
              <dt>store is behind</dt>
              <dd>{behindText(behind, 'store')}</dd>
            </div>
            {status.spool !== undefined && (
              <div>
                <dt>kept here for the queue</dt>
                <dd>
                  {records(status.spool.records)},{' '}
                  {formatSpan(Math.max(0, serverNow() - Date.parse(status.spool.since)))}
                </dd>
              </div>
            )}
            {status.disk !== undefined && (
              <div>
                <dt>disk of the queue</dt>
                <dd>
                  {formatSize(status.disk.freeBytes)} free, {Math.round(status.disk.usedPercent)} % used
                </dd>
              </div>
            )}
          </dl>
          <dl aria-label="Your events">
            {flow !== undefined && (
              <>
                <div>
                  <dt>accepted, last full minute</dt>
                  <dd>{formatCount(flow.accepted)}</dd>
                </div>
                <div>
                  <dt>on their way to the index</dt>
                  <dd>{formatCount(flow.inFlight)}</dd>
                </div>
                {flow.deadLettered > 0 && (
                  <div>
                    <dt>dead letters, last 5 minutes</dt>
                    <dd>{formatCount(flow.deadLettered)}</dd>
                  </div>
                )}
              </>
            )}
            <div>
              <dt>tenant</dt>
              <dd>{status.you.tenant}</dd>
            </div>
          </dl>
          <p className="status-note">As of {formatClock(Date.parse(status.time), zone)}, asked again every 5 s.</p>
        </>
      )}
    </div>
  );
}

/** With its times in the reader's zone, and how long ago they were. */
function Sentence({ text }: { readonly text: string }) {
  const { zone } = useSettings();
  const nowMs = serverNow();
  let at = 0;
  return piecesOf(text).map((piece) => {
    const key = at++;
    if (piece.kind === 'code') return <code key={key}>{piece.text}</code>;
    if (piece.kind === 'text') return <span key={key}>{piece.text}</span>;
    const clock = nowMs - piece.ms < DAY_MS ? formatClock(piece.ms, zone) : formatDateTime(piece.ms, zone);
    return (
      <time key={key} dateTime={piece.text} title={piece.text}>
        {clock} ({formatAgo(piece.ms, nowMs)})
      </time>
    );
  });
}

function roleText(role: NonNullable<Shown['status']>['roles'][number]): string {
  const { state, restarts, lastExit } = role;
  const since = sinceOf(role);
  const forMs = since === undefined ? undefined : Math.max(0, serverNow() - Date.parse(since));
  const restarted = restarts === 1 ? 'restarted once' : `restarted ${restarts} times`;
  return [
    forMs === undefined ? state : `${state} for ${formatSpan(forMs)}`,
    ...(restarts > 0 ? [lastExit === undefined ? restarted : `${restarted} (${lastExit})`] : []),
  ].join(', ');
}

function behindText(behind: readonly Behind[] | undefined, role: string): string {
  const found = behind?.find((one) => one.role === role);
  if (found === undefined) return 'not known now';
  return found.records === 0 ? 'nothing waits' : `${records(found.records)}, ${formatSpan(found.ms)}`;
}

const records = (count: number): string => `${formatCount(count)} ${count === 1 ? 'record' : 'records'}`;
