/**
 * The list of events: only the rows in sight are in the page, so a list of ten thousand is as quick as one of ten.
 * The grid has the focus and names its active row (aria-activedescendant); j and k work from anywhere.
 */
import { useVirtualizer } from '@tanstack/react-virtual';
import {
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import type { AnsweredEvent } from '../../../src/api/schemas/index.ts';
import { useShortcuts } from '../../lib/keyboard.ts';
import { markPattern } from '../../lib/mark.ts';
import { useSettings } from '../../lib/settings.ts';
import { type Column, gridTemplate } from './columns.ts';
import { EventRow } from './event-row.tsx';
import { TableHead } from './table-head.tsx';
import { useNarrow } from './use-narrow.ts';

export interface EventTableProps {
  readonly label: string;
  readonly events: readonly AnsweredEvent[];
  readonly columns: readonly Column[];
  readonly order: 'desc' | 'asc';
  /** Whether times need their day. */
  readonly dated: boolean;
  readonly sought: readonly string[];
  readonly expandedId: string | undefined;
  readonly onExpand: (id: string | undefined) => void;
  readonly renderDetail: (event: AnsweredEvent) => ReactNode;
  /** The event that the list is about, marked and brought into view. */
  readonly anchorId?: string | undefined;
  readonly onActive?: (id: string | undefined) => void;
  /** Called when the last rows come into sight. */
  readonly onEnd?: () => void;
  /** Called when the list is scrolled away from its top, or back. */
  readonly onAway?: (away: boolean) => void;
  readonly onOrder?: () => void;
  readonly onRemoveColumn?: (name: string) => void;
  readonly footer?: ReactNode;
  readonly faded?: boolean;
  /** A number that changes when the list is to go to its top. */
  readonly toTop?: number;
  readonly autoFocus?: boolean;
  /** Whether keys are for this list: not while another lies over it. */
  readonly keys?: boolean;
}

const ROW_PX = 24;
const NARROW_ROW_PX = 46;
const HEAD_PX = 26;
const NEAR_END_ROWS = 20;
const AWAY_PX = 8;
const OVERSCAN = 12;

export function EventTable(props: EventTableProps) {
  const { events, columns, dated, expandedId, onExpand, onEnd, onAway, onActive } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const grid = useRef<HTMLTableElement>(null);
  const base = useId();
  const narrow = useNarrow();
  const { wrap, zone } = useSettings();
  const [activeId, setActiveId] = useState(props.anchorId ?? expandedId);
  const pattern = useMemo(() => markPattern(props.sought), [props.sought]);
  const indexById = useMemo(() => new Map(events.map((event, index) => [event.id, index])), [events]);
  const virtual = useVirtualizer({
    count: events.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (narrow ? NARROW_ROW_PX : ROW_PX),
    getItemKey: useCallback((index: number) => events[index]?.id ?? index, [events]),
    overscan: OVERSCAN,
    scrollMargin: HEAD_PX,
    scrollPaddingStart: HEAD_PX + 2,
    scrollPaddingEnd: 2,
  });
  const rows = virtual.getVirtualItems();
  const active = activeId === undefined ? undefined : indexById.get(activeId);

  const activate = useCallback(
    (index: number) => {
      const event = events[Math.min(Math.max(index, 0), events.length - 1)];
      if (event === undefined) return false;
      setActiveId(event.id);
      onActive?.(event.id);
      virtual.scrollToIndex(indexById.get(event.id) ?? 0, { align: 'auto' });
      if (!scroller.current?.contains(document.activeElement)) grid.current?.focus({ preventScroll: true });
      return true;
    },
    [events, indexById, onActive, virtual],
  );
  const toggle = useCallback(
    (id: string) => {
      setActiveId(id);
      onActive?.(id);
      onExpand(id === expandedId ? undefined : id);
    },
    [expandedId, onExpand, onActive],
  );
  const { keys = true } = props;
  useShortcuts({
    down: () => keys && activate(active === undefined ? (rows[0]?.index ?? 0) : active + 1),
    up: () => keys && activate(active === undefined ? 0 : active - 1),
    first: () => keys && activate(0),
    last: () => keys && activate(events.length - 1),
    open: () => {
      const event = events[active ?? -1];
      if (!keys || event === undefined) return false;
      toggle(event.id);
      return true;
    },
    back: () => {
      if (!keys || expandedId === undefined) return false;
      onExpand(undefined);
      return true;
    },
  });

  // What the list was opened for, by a link or as the middle of its neighbours, is brought into view once.
  const [soughtId] = useState(props.anchorId ?? expandedId);
  const brought = useRef(false);
  useLayoutEffect(() => {
    const at = indexById.get(soughtId ?? '');
    if (brought.current || at === undefined) return;
    // The scroller's own size is known only after the page has been laid out.
    const frame = requestAnimationFrame(() => {
      brought.current = true;
      virtual.scrollToIndex(at, { align: soughtId === props.anchorId ? 'center' : 'start' });
    });
    return () => cancelAnimationFrame(frame);
  }, [indexById, soughtId, props.anchorId, virtual]);
  useEffect(() => {
    if (props.autoFocus === true) grid.current?.focus({ preventScroll: true });
  }, [props.autoFocus]);
  useEffect(() => {
    if (props.toTop !== undefined && props.toTop > 0) scroller.current?.scrollTo({ top: 0 });
  }, [props.toTop]);
  const lastShown = rows.at(-1)?.index ?? 0;
  useEffect(() => {
    if (events.length > 0 && lastShown >= events.length - NEAR_END_ROWS) onEnd?.();
  }, [lastShown, events.length, onEnd]);

  const template = gridTemplate(columns, dated);
  // ARIA lets a table be a grid, whose active row is named by the grid itself.
  const semantics = {
    role: 'grid',
    tabIndex: 0,
    'aria-label': props.label,
    'aria-rowcount': events.length + 1,
    'aria-colcount': columns.length + 3,
    'aria-activedescendant': active === undefined ? undefined : `${base}-${active}`,
  };
  const press = (event: KeyboardEvent) => {
    const page = event.key === 'PageDown' ? 1 : event.key === 'PageUp' ? -1 : 0;
    if (page === 0 || event.target !== event.currentTarget) return;
    event.preventDefault();
    activate((active ?? rows[0]?.index ?? 0) + page * Math.max(1, rows.length - 2 * OVERSCAN - 1));
  };
  const click = (event: MouseEvent) => {
    const row = event.target instanceof Element ? event.target.closest<HTMLElement>('.event-row') : null;
    const id = events[Number(row?.dataset.index ?? -1)]?.id;
    // A text that was just selected is wanted for copying.
    if (id !== undefined && window.getSelection()?.isCollapsed !== false) toggle(id);
  };
  return (
    <div
      className="event-table"
      data-faded={props.faded}
      data-wrap={wrap}
      ref={scroller}
      onScroll={(event) => onAway?.(event.currentTarget.scrollTop > AWAY_PX)}
    >
      <table
        className="event-grid"
        ref={grid}
        {...semantics}
        style={{ height: virtual.getTotalSize() + HEAD_PX, '--template': template } as React.CSSProperties}
        onKeyDown={press}
        onClick={click}
      >
        <TableHead columns={columns} order={props.order} onOrder={props.onOrder} onRemove={props.onRemoveColumn} />
        {rows.map((item) => {
          const event = events[item.index];
          if (event === undefined) return null;
          const expanded = event.id === expandedId;
          return (
            <tbody
              key={item.key}
              data-index={item.index}
              ref={virtual.measureElement}
              className="event-slot"
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <EventRow
                id={`${base}-${item.index}`}
                index={item.index}
                event={event}
                columns={columns}
                dated={dated}
                zone={zone}
                pattern={pattern}
                active={item.index === active}
                anchor={event.id === props.anchorId}
                expanded={expanded}
              />
              {expanded && (
                <tr className="detail-row">
                  <td colSpan={columns.length + 3}>{props.renderDetail(event)}</td>
                </tr>
              )}
            </tbody>
          );
        })}
      </table>
      {props.footer !== undefined && <div className="event-footer">{props.footer}</div>}
    </div>
  );
}
