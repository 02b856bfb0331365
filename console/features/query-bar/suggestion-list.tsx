import { useLayoutEffect, useRef } from 'react';
import type { Suggestions } from './use-suggestions.ts';

interface SuggestionListProps {
  readonly id: string;
  readonly suggestions: Suggestions;
  readonly onTake: (index: number) => void;
}

const SIGNS = { field: 'f', value: '=', operator: '∘' } as const;
const EDGE_PX = 8;

/** Hangs below the place in the text that it completes, and below what is said to be wrong with the text. */
export function SuggestionList({ id, suggestions, onTake }: SuggestionListProps) {
  const list = useRef<HTMLDivElement>(null);
  const { items, active, anchor } = suggestions;
  useLayoutEffect(() => {
    const element = list.current;
    const place = element?.parentElement?.querySelector('[data-anchor]')?.getBoundingClientRect();
    if (element === null || place === undefined || anchor === undefined) return;
    const left = Math.min(place.left - 24, window.innerWidth - element.offsetWidth - EDGE_PX);
    element.style.left = `${Math.max(EDGE_PX, left)}px`;
    const problem = element.closest('.query-bar')?.querySelector('.query-problem')?.getBoundingClientRect();
    element.style.top = `${Math.max(place.bottom, problem?.bottom ?? 0) + EDGE_PX}px`;
  });
  useLayoutEffect(() => {
    if (active !== undefined) list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);
  return (
    <div
      className="suggestions"
      role="listbox"
      id={`${id}-suggestions`}
      aria-label="Completions"
      ref={list}
      hidden={items.length === 0}
    >
      {items.map((item, index) => (
        // The text field keeps the focus and names the active option; a pointer only takes one.
        <div
          key={`${item.kind} ${item.label}`}
          id={`${id}-${index}`}
          className="suggestion"
          role="option"
          tabIndex={-1}
          aria-selected={index === active}
          onPointerDown={(event) => {
            event.preventDefault();
            onTake(index);
          }}
        >
          <span className="suggestion-kind" aria-hidden="true">
            {SIGNS[item.kind]}
          </span>
          <span className="suggestion-label">{item.label}</span>
          <span className="suggestion-detail">{item.detail}</span>
        </div>
      ))}
    </div>
  );
}
