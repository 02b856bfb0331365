import { useState } from 'react';
import type { QueryNode } from '../../../src/query/ast.ts';
import { resolveField } from '../../../src/query/fields.ts';
import { valueClause } from '../../../src/query/value-clause.ts';
import { existsClause } from '../../lib/clauses.ts';
import { formatCount, formatShare } from '../../lib/format.ts';
import type { Run } from '../../lib/use-run.ts';
import { Button } from '../../ui/button.tsx';
import { useValues } from './use-fields.ts';

interface FieldValuesProps {
  readonly q: string;
  readonly run: Run;
  readonly name: string;
  readonly onClause: (clause: QueryNode, exclude: boolean) => void;
}

const FEW = 10;
const MANY = 50;

/** The most frequent values of a field with their shares, each to include or exclude. */
export function FieldValues({ q, run, name, onClause }: FieldValuesProps) {
  const [limit, setLimit] = useState(FEW);
  const answer = useValues(q, run, name, limit);
  const field = resolveField(name);
  if (answer.isError) return <p className="field-note">{answer.error.message}</p>;
  if (answer.data === undefined) return <p className="field-note">Counting…</p>;
  const { values, total, distinct } = answer.data;
  return (
    <div className="values" data-faded={answer.isPlaceholderData}>
      <p className="values-facts">
        {formatCount(distinct)} {distinct === 1 ? 'value' : 'values'} in {formatCount(total)}{' '}
        {total === 1 ? 'event' : 'events'}
        <Button
          label={`Only events that have ${name}`}
          icon="exists"
          kind="quiet"
          small
          onClick={() => onClause(existsClause(field), false)}
        />
      </p>
      <ul>
        {values.map(({ value, count }) => (
          <li key={`${typeof value} ${String(value)}`} className="value">
            <span className="value-text" title={String(value)}>
              {String(value) === '' ? <em>empty</em> : String(value)}
            </span>
            <span className="value-share" title={`${formatCount(count)} events`}>
              {formatShare(count, total)}
            </span>
            <span className="value-actions">
              <Button
                label={`Only ${name} ${String(value)}`}
                icon="plus"
                kind="quiet"
                small
                onClick={() => onClause(valueClause(field, value), false)}
              />
              <Button
                label={`Without ${name} ${String(value)}`}
                icon="minus"
                kind="quiet"
                small
                onClick={() => onClause(valueClause(field, value), true)}
              />
            </span>
            <span className="value-bar" style={{ width: `${(count / Math.max(total, 1)) * 100}%` }} />
          </li>
        ))}
      </ul>
      {distinct > values.length && limit === FEW && (
        <Button label="Show more values" kind="quiet" small onClick={() => setLimit(MANY)}>
          {`Top ${MANY}`}
        </Button>
      )}
    </div>
  );
}
