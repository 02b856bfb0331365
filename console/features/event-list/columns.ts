/** How wide the chosen columns are: as their values need, within limits, so that the message gets the rest. Pure. */
import type { AnsweredEvent } from '../../../src/api/schemas/index.ts';
import type { FieldRef } from '../../../src/query/ast.ts';
import { resolveField } from '../../../src/query/fields.ts';
import { columnText } from '../../lib/flatten.ts';

export interface Column {
  readonly name: string;
  readonly field: FieldRef;
  /** In characters. */
  readonly width: number;
}

const SAMPLE = 100;
const NARROWEST = 4;
const WIDEST = 26;

export function measureColumns(names: readonly string[], events: readonly AnsweredEvent[]): readonly Column[] {
  const sample = events.slice(0, SAMPLE);
  return names.map((name) => {
    const field = resolveField(name);
    const longest = sample.reduce((most, event) => Math.max(most, columnText(event, field).length), name.length + 2);
    return { name, field, width: Math.min(Math.max(longest, NARROWEST), WIDEST) };
  });
}

/** The grid's columns: time, level, the chosen ones, message. */
export function gridTemplate(columns: readonly Column[], dated: boolean): string {
  const chosen = columns.map(({ width }) => `${width + 1}ch`).join(' ');
  return `calc(${dated ? 19 : 12}ch + 24px) 5ch ${chosen} minmax(20ch, 1fr)`;
}
