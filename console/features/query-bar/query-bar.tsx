/**
 * The query: coloured as it is typed, completed from what the found events have, and with its errors shown where they
 * are. A copy of the text, exactly below the transparent one of the field, carries the colours.
 */
import { type KeyboardEvent, type SubmitEvent, useEffect, useId, useRef, useState } from 'react';
import type { Problem } from '../../lib/api.ts';
import { checkQuery, type QueryProblem } from '../../lib/clauses.ts';
import { useShortcuts } from '../../lib/keyboard.ts';
import type { Run } from '../../lib/use-run.ts';
import { Button } from '../../ui/button.tsx';
import { Icon } from '../../ui/icon.tsx';
import { paintQuery } from './paint.ts';
import { SuggestionList } from './suggestion-list.tsx';
import { useSuggestions } from './use-suggestions.ts';

interface QueryBarProps {
  readonly q: string;
  readonly run: Run;
  /** What the server found wrong with `q`, where it knows more than the parser here. */
  readonly refusal: Problem | undefined;
  readonly onRun: (q: string) => void;
  /** Leaves the field for the results. */
  readonly onLeave: () => void;
}

export function QueryBar({ q, run, refusal, onRun, onLeave }: QueryBarProps) {
  const [draft, setDraft] = useState(q);
  const [shown, setShown] = useState(q);
  const [caret, setCaret] = useState<number>();
  const [insisted, setInsisted] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const base = useId();
  if (shown !== q) {
    setShown(q);
    setDraft(q);
    setInsisted(false);
  }
  const problem = checkQuery(draft) ?? serverProblem(refusal, draft, q);
  // Half a query is not a mistake yet: at its end, an error is said quietly until it is run.
  const quiet = problem !== undefined && problem.position >= draft.trimEnd().length && caret !== undefined && !insisted;
  const suggestions = useSuggestions(draft, caret, run);

  useShortcuts({
    query: () => {
      field.current?.focus();
      field.current?.setSelectionRange(draft.length, draft.length);
      return true;
    },
  });
  const moveCaret = useRef<number>(undefined);
  useEffect(() => {
    if (moveCaret.current === undefined) return;
    field.current?.setSelectionRange(moveCaret.current, moveCaret.current);
    moveCaret.current = undefined;
  });
  const change = (text: string, at: number) => {
    setDraft(text);
    setCaret(at);
    setInsisted(false);
  };
  const take = (index: number) => {
    const taken = suggestions.take(index);
    if (taken === undefined) return;
    change(taken.text, taken.caret);
    moveCaret.current = taken.caret;
    field.current?.focus();
  };
  const submit = (event?: SubmitEvent) => {
    event?.preventDefault();
    suggestions.close();
    const wrong = checkQuery(draft);
    if (wrong === undefined) return onRun(draft.trim());
    setInsisted(true);
    field.current?.focus();
    field.current?.setSelectionRange(wrong.position, wrong.end);
  };
  const press = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    const handled = suggestions.press(event.key, take) || pressAlone(event.key);
    if (handled) event.preventDefault();
  };
  const pressAlone = (key: string): boolean => {
    if (key === 'Enter') submit();
    else if (key === 'Escape' || (key === 'ArrowDown' && field.current?.selectionEnd === draft.length)) onLeave();
    else return false;
    return true;
  };
  // A text field with a list of completions is a combobox in ARIA 1.2.
  const combobox = {
    role: 'combobox',
    'aria-autocomplete': 'list' as const,
    'aria-expanded': suggestions.items.length > 0,
    'aria-controls': `${base}-suggestions`,
    'aria-activedescendant': suggestions.active === undefined ? undefined : `${base}-${suggestions.active}`,
  };
  return (
    <search className="query-bar">
      <form onSubmit={submit}>
        <div className="query-field" data-wrong={problem !== undefined && !quiet}>
          <Icon name="search" />
          <div className="query-text">
            <Painted text={draft} problem={problem} quiet={quiet} caret={suggestions.anchor} />
            <textarea
              ref={field}
              className="query-input"
              rows={1}
              {...combobox}
              aria-label="Query"
              aria-invalid={problem !== undefined && !quiet}
              aria-describedby={problem === undefined ? undefined : `${base}-problem`}
              aria-keyshortcuts="/"
              placeholder="Search: words, field:value, AND OR NOT"
              spellCheck={false}
              autoCapitalize="off"
              autoCorrect="off"
              value={draft}
              onChange={(event) => change(event.target.value, event.target.selectionEnd)}
              onSelect={(event) => setCaret(event.currentTarget.selectionEnd)}
              onBlur={() => setCaret(undefined)}
              onKeyDown={press}
            />
            <SuggestionList id={base} suggestions={suggestions} onTake={take} />
          </div>
          {draft !== '' && (
            <Button
              label="Clear the query"
              icon="close"
              kind="quiet"
              small
              onClick={() => {
                change('', 0);
                onRun('');
                field.current?.focus();
              }}
            />
          )}
          <button type="submit" className="button button-primary query-run" title="Run (Enter)">
            Run
          </button>
        </div>
        {problem !== undefined && (
          <p className="query-problem" id={`${base}-problem`} data-quiet={quiet} role={quiet ? undefined : 'alert'}>
            {problem.message}
          </p>
        )}
      </form>
    </search>
  );
}

/** Only while the text is still the one that was refused. */
function serverProblem(refusal: Problem | undefined, draft: string, q: string): QueryProblem | undefined {
  if (refusal?.position === undefined || draft !== q) return undefined;
  return { message: refusal.message, position: refusal.position, end: refusal.end ?? q.length };
}

interface PaintedProps {
  readonly text: string;
  readonly problem: QueryProblem | undefined;
  readonly quiet: boolean;
  /** Where the completion hangs: an offset of the text. */
  readonly caret: number | undefined;
}

function Painted({ text, problem, quiet, caret }: PaintedProps) {
  const atEnd = problem !== undefined && problem.position >= text.length;
  let at = 0;
  return (
    <div className="query-paint" aria-hidden="true">
      {paintQuery(text, problem).map((piece) => {
        const key = at;
        at += piece.text.length;
        return (
          <span key={key} data-kind={piece.kind} data-wrong={piece.wrong ? (quiet ? 'quiet' : 'true') : undefined}>
            {piece.text}
          </span>
        );
      })}
      <span data-wrong={atEnd ? (quiet ? 'quiet' : 'true') : undefined}>{atEnd ? '\u00a0' : '\u200b'}</span>
      {caret !== undefined && (
        <span className="query-anchor">
          {text.slice(0, caret)}
          {/* With a character it is as high as the line, also at the beginning of the text. */}
          <span data-anchor="">{'\u200b'}</span>
        </span>
      )}
    </div>
  );
}
