/** The event that a link names, where it is not among the rows that are loaded: shown above them. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { AnsweredEvent, ContextAnswer } from '../../../src/api/schemas/index.ts';
import { getJson, Problem } from '../../lib/api.ts';
import { formatDateTime } from '../../lib/format.ts';
import { levelKey } from '../../lib/levels.ts';
import { useSettings } from '../../lib/settings.ts';
import { Button } from '../../ui/button.tsx';

interface LinkedEventProps {
  readonly id: string;
  readonly renderDetail: (event: AnsweredEvent) => ReactNode;
  readonly onClose: () => void;
}

export function LinkedEvent({ id, renderDetail, onClose }: LinkedEventProps) {
  const { zone } = useSettings();
  const answer = useQuery({
    queryKey: ['event', id],
    queryFn: ({ signal }) => getJson<ContextAnswer>('api/context', { id, before: 0, after: 0 }, signal),
  });
  const event = answer.data?.event;
  return (
    <section className="linked" aria-label="The linked event">
      <header className="linked-head">
        <p>
          {event === undefined ? (
            linkedState(answer.error, id)
          ) : (
            <>
              <strong>Linked event</strong>{' '}
              <span className="linked-level" data-level={levelKey(event.level)}>
                {event.level}
              </span>{' '}
              {formatDateTime(Date.parse(event.timestamp), zone)} <span className="linked-text">{event.message}</span>
            </>
          )}
        </p>
        <Button label="Close the linked event" icon="close" kind="quiet" small onClick={onClose} />
      </header>
      {event !== undefined && renderDetail(event)}
    </section>
  );
}

function linkedState(error: Error | null, id: string): string {
  if (error === null) return 'Looking for the linked event…';
  if (error instanceof Problem && error.code === 'NOT_FOUND') {
    return `The linked event ${id} is not here: it is past its retention, or of another tenant.`;
  }
  return `The linked event cannot be shown: ${error.message}`;
}
