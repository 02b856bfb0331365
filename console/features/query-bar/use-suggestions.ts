/** Completions at the caret: names of fields, their most frequent values, operators. Asked for only while typing. */
import { useDeferredValue, useState } from 'react';
import { type Place, placeAt, type Suggestion, suggestAt } from '../../../src/query/complete.ts';
import { formatShortCount } from '../../lib/format.ts';
import type { Run } from '../../lib/use-run.ts';
import { useFields, useValues } from '../field-list/use-fields.ts';

export interface ShownSuggestion extends Suggestion {
  readonly detail: string;
}

export interface Suggestions {
  readonly items: readonly ShownSuggestion[];
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

export function useSuggestions(text: string, caret: number | undefined, run: Run): Suggestions {
  const [closedAt, setClosedAt] = useState<string>();
  const [chosen, setChosen] = useState({ text, index: -1 });
  const place = caret === undefined || closedAt === text ? undefined : placeAt(text, caret);
  const wanted = place !== undefined && (place.field !== undefined || place.typed !== '') ? place : undefined;
  const items = useItems(wanted, run);
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

function useItems(place: Place | undefined, run: Run): readonly ShownSuggestion[] {
  const asked = useFields('', run, place !== undefined);
  const field = useDeferredValue(place?.field);
  const answered = useValues('', run, field ?? '', VALUES, field !== undefined);
  if (place === undefined) return [];
  const fields = asked.data?.fields ?? [];
  const values = place.field === field ? (answered.data?.values ?? []).map(shown) : [];
  const counts = new Map(
    place.field === undefined
      ? fields.map(({ name, count }) => [name, count])
      : values.map(({ label, count }) => [label, count]),
  );
  const known = { fields: fields.map(({ name }) => name), values: values.map(({ label }) => label) };
  return suggestAt(place, known)
    .slice(0, MOST)
    .map((suggestion) => {
      const count = counts.get(suggestion.label);
      return {
        ...suggestion,
        insert: suggestion.kind === 'value' ? `${suggestion.insert} ` : suggestion.insert,
        detail: count === undefined || suggestion.kind === 'operator' ? '' : formatShortCount(count),
      };
    });
}

function shown({ value, count }: { readonly value: string | number | boolean; readonly count: number }) {
  return { label: String(value), count };
}
