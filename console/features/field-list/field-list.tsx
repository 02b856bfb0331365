/** Which fields the found events have, how many have each, and the most frequent values of one. */
import { useRef, useState } from 'react';
import type { FieldsAnswer } from '../../../src/api/schemas/index.ts';
import type { QueryNode } from '../../../src/query/ast.ts';
import { Problem } from '../../lib/api.ts';
import { formatCount, formatShortCount } from '../../lib/format.ts';
import { useShortcuts } from '../../lib/keyboard.ts';
import type { Run } from '../../lib/use-run.ts';
import { Button } from '../../ui/button.tsx';
import { Icon } from '../../ui/icon.tsx';
import { FieldValues } from './field-values.tsx';
import { useFields } from './use-fields.ts';

interface FieldListProps {
  readonly q: string;
  readonly run: Run;
  readonly columns: readonly string[];
  readonly open: boolean;
  readonly onOpen: (open: boolean) => void;
  readonly onClause: (clause: QueryNode, exclude: boolean) => void;
  readonly onColumn: (name: string) => void;
}

type Field = FieldsAnswer['fields'][number];

const FIRST = ['level', 'app', 'host', 'team', 'source', 'type', 'tags'];
/** Every event has its own: nothing to learn from their most frequent values. */
const LAST = ['message', 'timestamp', 'received', 'id', 'tenant'];
const FIXED = new Set(['timestamp', 'level', 'message']);
const TYPE_SIGNS = { string: 'a', number: '#', boolean: '±', text: '¶', time: '◷' } as const;

export function FieldList({ q, run, columns, open, onOpen, onClause, onColumn }: FieldListProps) {
  const [filter, setFilter] = useState('');
  const [expanded, setExpanded] = useState<string>();
  const input = useRef<HTMLInputElement>(null);
  const fields = useFields(q, run, true);
  useShortcuts({
    fields: () => {
      onOpen(true);
      requestAnimationFrame(() => input.current?.select());
      return true;
    },
  });
  const found = sortFields(fields.data?.fields ?? []).filter(({ name }) =>
    name.toLowerCase().includes(filter.trim().toLowerCase()),
  );
  return (
    <>
      {open && (
        <button
          type="button"
          className="field-scrim"
          aria-label="Close the fields"
          tabIndex={-1}
          onClick={() => onOpen(false)}
        />
      )}
      <aside className="field-list" data-open={open} aria-label="Fields">
        <div className="field-head">
          <h2>
            Fields {fields.data !== undefined && <span className="field-total">{fields.data.fields.length}</span>}
          </h2>
          <Button
            label="Close the fields"
            icon="close"
            kind="quiet"
            small
            className="field-close"
            onClick={() => onOpen(false)}
          />
        </div>
        <input
          className="input field-filter"
          type="search"
          placeholder="Find a field"
          aria-label="Find a field"
          aria-keyshortcuts="f"
          ref={input}
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') event.currentTarget.blur();
          }}
        />
        <ul className="field-items" data-faded={fields.isPlaceholderData}>
          {found.map((field) => (
            <li key={field.name}>
              <div className="field-item" data-expanded={expanded === field.name}>
                <button
                  type="button"
                  className="field-button"
                  aria-expanded={expanded === field.name}
                  title={`${field.name}: ${field.types.join(', ')}, in ${formatCount(field.count)} events`}
                  onClick={() => setExpanded(expanded === field.name ? undefined : field.name)}
                >
                  <span className="field-type" aria-hidden="true">
                    {TYPE_SIGNS[field.types[0] ?? 'string']}
                  </span>
                  <span className="field-name">{field.name}</span>
                  <span className="field-count">{formatShortCount(field.count)}</span>
                </button>
                {FIXED.has(field.name) ? (
                  <span className="field-fixed" />
                ) : (
                  <button
                    type="button"
                    className="field-column"
                    aria-pressed={columns.includes(field.name)}
                    aria-label={`Show ${field.name} as a column`}
                    title={columns.includes(field.name) ? 'Hide the column' : 'Show as a column'}
                    onClick={() => onColumn(field.name)}
                  >
                    <Icon name="column" />
                  </button>
                )}
              </div>
              {expanded === field.name && <FieldValues q={q} run={run} name={field.name} onClause={onClause} />}
            </li>
          ))}
        </ul>
        <Note loading={fields.isPending} failed={fields.error} none={found.length === 0} filtered={filter !== ''} />
      </aside>
    </>
  );
}

interface NoteProps {
  readonly loading: boolean;
  readonly failed: Error | null;
  readonly none: boolean;
  readonly filtered: boolean;
}

const WAITING_WIDTHS = ['70%', '52%', '61%', '44%', '58%', '66%', '38%'];

function Note({ loading, failed, none, filtered }: NoteProps) {
  if (failed !== null) {
    const away = failed instanceof Problem && failed.passing;
    return (
      <p className="field-note">{away ? 'The fields are back when the store is.' : `No fields: ${failed.message}`}</p>
    );
  }
  if (loading) {
    return (
      <div className="field-waiting" aria-hidden="true">
        {WAITING_WIDTHS.map((width) => (
          <span key={width} className="skeleton" style={{ width }} />
        ))}
      </div>
    );
  }
  if (!none) return null;
  return <p className="field-note">{filtered ? 'No field has this in its name.' : 'No events, so no fields.'}</p>;
}

function sortFields(fields: readonly Field[]): readonly Field[] {
  const rank = (name: string) => {
    if (FIRST.includes(name)) return FIRST.indexOf(name);
    return LAST.includes(name) ? 1_000 + LAST.indexOf(name) : 100;
  };
  return fields.toSorted((a, b) => rank(a.name) - rank(b.name) || b.count - a.count || a.name.localeCompare(b.name));
}
