import { changeSettings, useSettings } from '../../lib/settings.ts';
import { Button } from '../../ui/button.tsx';
import { Icon } from '../../ui/icon.tsx';
import type { Column } from './columns.ts';

interface TableHeadProps {
  readonly columns: readonly Column[];
  readonly order: 'desc' | 'asc';
  readonly onOrder: (() => void) | undefined;
  readonly onRemove: ((name: string) => void) | undefined;
}

export function TableHead({ columns, order, onOrder, onRemove }: TableHeadProps) {
  const { wrap } = useSettings();
  return (
    <thead>
      <tr className="event-head" aria-rowindex={1}>
        <th aria-sort={order === 'desc' ? 'descending' : 'ascending'}>
          {onOrder === undefined ? (
            'Time'
          ) : (
            <button
              type="button"
              className="head-button"
              title={order === 'desc' ? 'Newest first; show the oldest first' : 'Oldest first; show the newest first'}
              onClick={onOrder}
            >
              Time <Icon name={order === 'desc' ? 'down' : 'up'} />
            </button>
          )}
        </th>
        <th>Level</th>
        {columns.map(({ name }) => (
          <th key={name} className="head-column" title={name}>
            <span className="head-name">{name}</span>
            {onRemove !== undefined && (
              <button
                type="button"
                className="head-remove"
                aria-label={`Remove the column ${name}`}
                title="Remove the column"
                onClick={() => onRemove(name)}
              >
                <Icon name="close" />
              </button>
            )}
          </th>
        ))}
        <th className="head-message">
          <span className="head-text">Message</span>
          <Button
            label={wrap ? 'Long messages wrap; cut them' : 'Long messages are cut; wrap them'}
            icon="wrap"
            kind="quiet"
            small
            pressed={wrap}
            onClick={() => changeSettings({ wrap: !wrap })}
          />
        </th>
      </tr>
    </thead>
  );
}
