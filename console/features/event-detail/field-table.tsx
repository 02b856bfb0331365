import { useState } from 'react';
import { valueClause } from '../../../src/query/value-clause.ts';
import { existsClause } from '../../lib/clauses.ts';
import type { FieldRow } from '../../lib/flatten.ts';
import { Button } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import type { DetailActions } from './event-detail.tsx';

interface FieldTableProps extends Pick<DetailActions, 'onClause' | 'onColumn'> {
  readonly rows: readonly FieldRow[];
  readonly columns: readonly string[];
}

const FIRST_ROWS = 60;
/** Always shown, so they are no columns of their own. */
const FIXED = new Set(['timestamp', 'level', 'message']);

export function FieldTable({ rows, columns, onClause, onColumn }: FieldTableProps) {
  const [all, setAll] = useState(false);
  const shown = all ? rows : rows.slice(0, FIRST_ROWS);
  return (
    <>
      <table className="field-table">
        <tbody>
          {shown.map((row) => (
            <tr key={row.key}>
              <th scope="row">{row.name}</th>
              <td className="field-actions">
                <RowActions row={row} isColumn={columns.includes(row.name)} onClause={onClause} onColumn={onColumn} />
              </td>
              <td className="field-value" data-kind={typeof row.value}>
                <Value text={row.text} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > shown.length && (
        <Button label={`Show all ${rows.length} fields`} kind="quiet" small onClick={() => setAll(true)}>
          Show all {rows.length} fields
        </Button>
      )}
    </>
  );
}

interface RowActionsProps extends Pick<DetailActions, 'onClause' | 'onColumn'> {
  readonly row: FieldRow;
  readonly isColumn: boolean;
}

function RowActions({ row, isColumn, onClause, onColumn }: RowActionsProps) {
  const { field, name, value } = row;
  return (
    <>
      {value !== undefined && (
        <>
          <Button
            label={`Only events with this ${name}`}
            icon="plus"
            kind="quiet"
            small
            onClick={() => onClause(valueClause(field, value), false)}
          />
          <Button
            label={`Without events with this ${name}`}
            icon="minus"
            kind="quiet"
            small
            onClick={() => onClause(valueClause(field, value), true)}
          />
        </>
      )}
      <Button
        label={`Only events that have ${name}`}
        icon="exists"
        kind="quiet"
        small
        onClick={() => onClause(existsClause(field), false)}
      />
      {!FIXED.has(name) && (
        <Button
          label={isColumn ? `Hide the column ${name}` : `Show ${name} as a column`}
          icon="column"
          kind="quiet"
          small
          pressed={isColumn}
          onClick={() => onColumn(name)}
        />
      )}
      <CopyButton label={`Copy the value of ${name}`} text={() => row.text} />
    </>
  );
}

const LONG_CHARS = 1_500;

function Value({ text }: { readonly text: string }) {
  const [whole, setWhole] = useState(false);
  if (whole || text.length <= LONG_CHARS) return text;
  return (
    <>
      {text.slice(0, LONG_CHARS)}…{' '}
      <Button label="Show the whole value" kind="quiet" small onClick={() => setWhole(true)}>
        {`all ${text.length.toLocaleString('en-US')} characters`}
      </Button>
    </>
  );
}
