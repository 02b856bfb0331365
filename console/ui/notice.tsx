/** A state of a whole area: empty, waiting, failed. It says what is so, why, and what to do next. */
import type { ReactNode } from 'react';
import { Problem } from '../lib/api.ts';
import { Button } from './button.tsx';
import { Icon, type IconName } from './icon.tsx';

interface NoticeProps {
  readonly title: string;
  readonly icon?: IconName;
  readonly tone?: 'calm' | 'bad' | 'caution';
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
}

export function Notice({ title, icon, tone = 'calm', children, actions }: NoticeProps) {
  return (
    <div className={`notice notice-${tone}`} role={tone === 'calm' ? 'status' : 'alert'}>
      {icon !== undefined && (
        <span className="notice-icon">
          <Icon name={icon} />
        </span>
      )}
      <h2>{title}</h2>
      {children !== undefined && <div className="notice-text">{children}</div>}
      {actions !== undefined && <div className="notice-actions">{actions}</div>}
    </div>
  );
}

export function ProblemNotice({ error, onRetry }: { readonly error: Error; readonly onRetry: () => void }) {
  const problem = error instanceof Problem ? error : undefined;
  const passing = problem?.passing ?? false;
  return (
    <Notice
      title={problem?.title ?? 'Something failed in the console.'}
      icon="warn"
      tone={passing ? 'caution' : 'bad'}
      actions={
        <Button label="Try again" icon="refresh" onClick={onRetry}>
          Try again
        </Button>
      }
    >
      <p>{error.message}</p>
      {passing && <p className="notice-aside">Asking again every few seconds; this page recovers by itself.</p>}
      {problem !== undefined && <p className="notice-code">{problem.code}</p>}
    </Notice>
  );
}
