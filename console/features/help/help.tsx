/** The overlay of `?`: every shortcut, and the query language on one card. */
import { Fragment, useEffect, useRef } from 'react';
import { SHORTCUTS } from '../../lib/keyboard.ts';
import { Button } from '../../ui/button.tsx';
import { QUERIES } from './queries.ts';

const GROUPS = ['Ask', 'Read', 'Share and find'] as const;
const KEY_NAMES: Readonly<Record<string, string>> = { ArrowDown: '↓', ArrowUp: '↑', Escape: 'Esc', Enter: '↵' };
export function Help({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      className="help"
      aria-label="Shortcuts and query language"
      onClose={onClose}
      onKeyDown={(event) => {
        if (event.key === '?') dialog.current?.close();
        event.stopPropagation();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) dialog.current.close();
      }}
    >
      <div className="help-body">
        <header className="help-head">
          <h2>Shortcuts</h2>
          <Button label="Close" icon="close" kind="quiet" onClick={() => dialog.current?.close()} />
        </header>
        <div className="help-groups">
          {GROUPS.map((group) => (
            <section key={group}>
              <h3>{group}</h3>
              <dl>
                {Object.entries(SHORTCUTS)
                  .filter(([, shortcut]) => shortcut.group === group)
                  .map(([action, shortcut]) => (
                    <div key={action}>
                      <dt>
                        {shortcut.keys.map((key) => (
                          <kbd key={key}>{KEY_NAMES[key] ?? key}</kbd>
                        ))}
                      </dt>
                      <dd>{shortcut.label}</dd>
                    </div>
                  ))}
              </dl>
            </section>
          ))}
        </div>
        <h2>Queries</h2>
        <div className="help-queries">
          {QUERIES.map(([query, meaning]) => (
            <Fragment key={query}>
              <code>{query}</code>
              <span>{meaning}</span>
            </Fragment>
          ))}
        </div>
      </div>
    </dialog>
  );
}
