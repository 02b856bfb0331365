/** Completions at the caret: names of fields, their most frequent values, operators. Asked for only while typing. */
import { useDeferredValue, useState } from 'react';
import { formatShortCount } from '../../lib/format.ts';
import type { Run } from '../../lib/use-run.ts';
import { useFields, useValues } from '../field-list/use-fields.ts';
import { type Place, placeAt, writeField, writeValue } from './completion.ts';

export interface Suggestion {
  readonly kind: 'field' | 'value' | 'operator';
  readonly label: string;
  readonly detail: string;
  /** What takes the place of the typed part. */
  readonly insert: string;
}

export interface Suggestions {
  readonly items: readonly Suggestion[];
  /** Index of the one that Enter takes; undefined while Enter runs the query. */
  readonly active: number | undefined;
  /** Offset of the text at which the list hangs; undefined while it is closed. */
  readonly anchor: number | undefined;
  /** The text and caret with the suggestion in it. */
  readonly take: (index: number) => { readonly text: string; readonly caret: number } | undefined;
  /** Returns whether the key was for the list. */
  readonly press: (key: string, take: (index: number) => void) => boolean;
  readonly close: () => void;
}

const MOST = 12;
const VALUES = 100;
const OPERATORS = ['AND', 'OR', 'NOT'];

export function useSuggestions(text: string, caret: number | undefined, run: Run): Suggestions {
  const [closedAt, setClosedAt] = useState<string>();
  const [chosen, setChosen] = useState({ text, index: -1 });
  const place = caret === undefined || closedAt === text ? undefined : placeAt(text, caret);
  const wanted = place !== undefined && (place.kind === 'value' || place.prefix !== '') ? place : undefined;
  const candidates = useCandidates(wanted, run);
  const items = wanted === undefined ? [] : rank(candidates, wanted.prefix);
  const active = chosen.text === text && chosen.index >= 0 && chosen.index < items.length ? chosen.index : undefined;
  const close = () => setClosedAt(text);
  return {
    items,
    active,
    anchor: items.length === 0 ? undefined : wanted?.start,
    close,
    take(index) {
      const item = items[index];
      if (item === undefined || wanted === undefined) return undefined;
      const taken = `${text.slice(0, wanted.start)}${item.insert}${text.slice(wanted.end)}`;
      if (item.kind !== 'field') setClosedAt(taken);
      return { text: taken, caret: wanted.start + item.insert.length };
    },
    press(key, take) {
      if (items.length === 0) return false;
      const step = key === 'ArrowDown' ? 1 : key === 'ArrowUp' ? -1 : 0;
      if (step !== 0)
        setChosen({ text, index: ((active ?? (step > 0 ? -1 : items.length)) + step + items.length) % items.length });
      else if (key === 'Tab' || (key === 'Enter' && active !== undefined)) take(active ?? 0);
      else if (key === 'Escape') close();
      else return false;
      return true;
    },
  };
}

function useCandidates(place: Place | undefined, run: Run): readonly Suggestion[] {
  const fields = useFields('', run, place !== undefined);
  const field = useDeferredValue(place?.kind === 'value' ? place.field : undefined);
  const values = useValues('', run, field ?? '', VALUES, field !== undefined);
  if (place === undefined) return [];
  if (place.kind === 'value') {
    return (values.data?.values ?? []).map(({ value, count }) => ({
      kind: 'value',
      label: String(value),
      detail: formatShortCount(count),
      insert: `${writeValue(String(value), place.quoted)} `,
    }));
  }
  const names = (fields.data?.fields ?? []).map(
    ({ name, count }): Suggestion => ({
      kind: 'field',
      label: name,
      detail: formatShortCount(count),
      insert: `${writeField(name)}:`,
    }),
  );
  const operators = OPERATORS.map(
    (label): Suggestion => ({ kind: 'operator', label, detail: '', insert: `${label} ` }),
  );
  return [...operators, ...names];
}

/** Those that begin with the prefix first, then those that have it inside; one that is typed out already is no help. */
function rank(candidates: readonly Suggestion[], prefix: string): readonly Suggestion[] {
  const sought = prefix.toLowerCase();
  const begins = candidates.filter(({ kind, label }) =>
    kind === 'operator' ? prefix !== '' && label.startsWith(prefix) : label.toLowerCase().startsWith(sought),
  );
  const has = candidates.filter(
    ({ kind, label }) =>
      kind !== 'operator' && !begins.some((other) => other.label === label) && label.toLowerCase().includes(sought),
  );
  const ranked = [...begins, ...has].slice(0, MOST);
  return ranked.length === 1 && ranked[0]?.kind === 'value' && ranked[0].label === prefix ? [] : ranked;
}
