/** Where rendering itself fails, the page says so instead of going blank. */
import { Component, type ReactNode } from 'react';
import { Button } from './button.tsx';
import { Notice } from './notice.tsx';

interface FenceState {
  readonly error: Error | undefined;
}

export class Fence extends Component<{ readonly children: ReactNode }, FenceState> {
  override state: FenceState = { error: undefined };

  static getDerivedStateFromError(error: Error): FenceState {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <div className="fatal-page">
        <Notice
          title="The console itself failed"
          icon="warn"
          tone="bad"
          actions={
            <>
              <Button label="Reload" kind="primary" onClick={() => window.location.reload()}>
                Reload
              </Button>
              <Button
                label="Start from an empty query"
                onClick={() => window.location.assign(window.location.pathname)}
              >
                Start from an empty query
              </Button>
            </>
          }
        >
          <p>Your logs are not touched by this. The error was: {error.message}</p>
        </Notice>
      </div>
    );
  }
}
