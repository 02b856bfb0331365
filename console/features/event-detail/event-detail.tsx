/** An expanded event: all its fields with what can be done with each, its JSON, and what was sent. */
import { useState } from 'react';
import type { AnsweredEvent } from '../../../src/api/schemas/index.ts';
import type { QueryNode } from '../../../src/query/ast.ts';
import { flattenEvent } from '../../lib/flatten.ts';
import { Button } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import { FieldTable } from './field-table.tsx';

export interface DetailActions {
  /** Adds a clause to the query. */
  readonly onClause: (clause: QueryNode, exclude: boolean) => void;
  readonly onColumn: (name: string) => void;
  readonly onContext: ((event: AnsweredEvent) => void) | undefined;
  readonly onLink: (event: AnsweredEvent) => void;
}

interface EventDetailProps extends DetailActions {
  readonly event: AnsweredEvent;
  readonly columns: readonly string[];
}

type Tab = 'fields' | 'json' | 'original';
const TAB_NAMES: Readonly<Record<Tab, string>> = { fields: 'Fields', json: 'JSON', original: 'As sent' };

export function EventDetail({ event, columns, onClause, onColumn, onContext, onLink }: EventDetailProps) {
  const [tab, setTab] = useState<Tab>('fields');
  const tabs: readonly Tab[] = event.original === undefined ? ['fields', 'json'] : ['fields', 'json', 'original'];
  const json = () => JSON.stringify(event, undefined, 2);
  return (
    <div className="event-detail">
      <div className="detail-bar">
        <div className="detail-tabs" role="tablist" aria-label="Views of the event">
          {tabs.map((name) => (
            <button
              key={name}
              type="button"
              role="tab"
              className="detail-tab"
              aria-selected={tab === name}
              onClick={() => setTab(name)}
            >
              {TAB_NAMES[name]}
            </button>
          ))}
        </div>
        <div className="detail-actions">
          {onContext !== undefined && (
            <Button
              label="Surrounding events"
              icon="around"
              kind="quiet"
              small
              shortcut="context"
              onClick={() => onContext(event)}
            >
              Surrounding events
            </Button>
          )}
          <Button
            label="Copy a link to this event"
            icon="link"
            kind="quiet"
            small
            shortcut="link"
            onClick={() => onLink(event)}
          >
            Copy link
          </Button>
          <CopyButton label="Copy the event as JSON" text={json} caption="Copy JSON" />
        </div>
      </div>
      <div role="tabpanel" aria-label={TAB_NAMES[tab]}>
        {tab === 'fields' && (
          <FieldTable rows={flattenEvent(event)} columns={columns} onClause={onClause} onColumn={onColumn} />
        )}
        {tab === 'json' && <pre className="detail-text">{json()}</pre>}
        {tab === 'original' && <pre className="detail-text">{event.original}</pre>}
      </div>
    </div>
  );
}
