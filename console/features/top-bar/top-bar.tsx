import { Problem } from '../../lib/api.ts';
import type { View } from '../../lib/url-state.ts';
import type { UpdateView } from '../../lib/url-store.ts';
import type { Run } from '../../lib/use-run.ts';
import { Button } from '../../ui/button.tsx';
import { QueryBar } from '../query-bar/query-bar.tsx';
import { Status } from '../status/status.tsx';
import { ThemeButton } from '../theme/theme-button.tsx';
import { TimePicker } from '../time-picker/time-picker.tsx';

interface TopBarProps {
  readonly view: View;
  readonly run: Run;
  readonly update: UpdateView;
  readonly refusal: Error | null;
  readonly sidebar: boolean;
  readonly onSidebar: () => void;
  readonly onRun: (q: string) => void;
  readonly onFollow: () => void;
  readonly onHelp: () => void;
  readonly onLeave: () => void;
}

export function TopBar(props: TopBarProps) {
  const { view, run, update } = props;
  const refusal = props.refusal instanceof Problem && props.refusal.aboutQuery ? props.refusal : undefined;
  return (
    <header className="top-bar">
      <div className="brand">
        <Button
          label={props.sidebar ? 'Hide the fields' : 'Show the fields'}
          icon="sidebar"
          kind="quiet"
          expanded={props.sidebar}
          onClick={props.onSidebar}
        />
        <h1>
          <Logo />
          Spillway
        </h1>
      </div>
      <QueryBar q={view.q} run={run} refusal={refusal} onRun={props.onRun} onLeave={props.onLeave} />
      <div className="top-time">
        <TimePicker view={view} run={run} update={update} />
        <Button
          label={view.live ? 'Stop following' : 'Follow live'}
          icon="live"
          shortcut="live"
          pressed={view.live}
          onClick={props.onFollow}
        >
          Live
        </Button>
      </div>
      <div className="top-corner">
        <Status />
        <ThemeButton />
        <Button label="Shortcuts and query language" icon="help" kind="quiet" shortcut="help" onClick={props.onHelp} />
      </div>
    </header>
  );
}

function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path d="M4 8h8c6 0 4 16 16 16" />
      <path d="M4 16h4c5 0 3 8 9 8" opacity="0.6" />
      <path d="M4 24h4" opacity="0.35" />
    </svg>
  );
}
