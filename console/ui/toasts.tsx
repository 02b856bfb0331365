import { dismissToast, useToast } from '../lib/toasts.ts';
import { Button } from './button.tsx';

export function Toasts() {
  const shown = useToast();
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown !== undefined && (
        <div className="toast" key={shown.number}>
          <span>{shown.text}</span>
          {shown.copy !== undefined && (
            <>
              <input
                className="input"
                readOnly
                aria-label="Text to copy"
                value={shown.copy}
                ref={(input) => input?.select()}
              />
              <Button label="Close" icon="close" kind="quiet" small onClick={dismissToast} />
            </>
          )}
        </div>
      )}
    </div>
  );
}
