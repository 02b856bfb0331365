import { memo } from 'react';
import type { AnsweredEvent } from '../../../src/api/schemas/index.ts';
import { columnText } from '../../lib/flatten.ts';
import { formatRowTime, type Zone } from '../../lib/format.ts';
import { levelKey } from '../../lib/levels.ts';
import { markPieces } from '../../lib/mark.ts';
import { Icon } from '../../ui/icon.tsx';
import type { Column } from './columns.ts';

interface EventRowProps {
  readonly id: string;
  readonly index: number;
  readonly event: AnsweredEvent;
  readonly columns: readonly Column[];
  readonly dated: boolean;
  readonly zone: Zone;
  readonly pattern: RegExp | undefined;
  readonly active: boolean;
  readonly anchor: boolean;
  readonly expanded: boolean;
}

/** Longer messages are cut in the list; the detail has the whole. */
const SHOWN_CHARS = 2_000;

export const EventRow = memo(function EventRow(props: EventRowProps) {
  const { event, columns, expanded } = props;
  const message = (event.message ?? '').slice(0, SHOWN_CHARS);
  return (
    <tr
      className="event-row"
      id={props.id}
      aria-rowindex={props.index + 2}
      aria-selected={props.active}
      data-index={props.index}
      data-active={props.active}
      data-anchor={props.anchor}
      data-expanded={expanded}
      data-level={levelKey(event.level)}
    >
      <td className="event-time" title={`${event.timestamp}\nreceived ${event.received}`}>
        <button
          type="button"
          className="event-chevron"
          tabIndex={-1}
          aria-expanded={expanded}
          aria-label={expanded ? 'Close the event' : 'Expand the event'}
        >
          <Icon name="right" />
        </button>
        <time dateTime={event.timestamp}>{formatRowTime(Date.parse(event.timestamp), props.zone, props.dated)}</time>
      </td>
      <td className="event-level">{event.level}</td>
      {columns.map((column) => {
        const text = columnText(event, column.field);
        return (
          <td key={column.name} className="event-column" title={text}>
            {text}
          </td>
        );
      })}
      <td className="event-message">
        {markPieces(message, props.pattern).map((piece) =>
          piece.marked ? <mark key={piece.at}>{piece.text}</mark> : piece.text,
        )}
      </td>
    </tr>
  );
});
