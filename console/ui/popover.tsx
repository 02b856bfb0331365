/** A panel below a button. Escape and a click elsewhere close it; focus goes in when it opens and back when it closes. */
import { type ReactNode, type RefObject, useEffect, useRef } from 'react';
import { useShortcuts } from '../lib/keyboard.ts';

interface PopoverProps {
  readonly label: string;
  readonly onClose: () => void;
  readonly anchor: RefObject<HTMLElement | null>;
  readonly align?: 'start' | 'end';
  readonly children: ReactNode;
}

export function Popover({ label, onClose, anchor, align = 'end', children }: PopoverProps) {
  const panel = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  close.current = onClose;
  useShortcuts({
    back: () => {
      onClose();
      anchor.current?.focus();
      return true;
    },
  });
  useEffect(() => {
    const first = panel.current?.querySelector<HTMLElement>('[data-autofocus]');
    (first ?? panel.current)?.focus();
    const outside = (event: Event) => {
      if (!(event.target instanceof Node)) return;
      if (panel.current?.contains(event.target) || anchor.current?.contains(event.target)) return;
      close.current();
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('focusin', outside);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('focusin', outside);
    };
  }, [anchor]);
  return (
    <div className={`popover popover-${align}`} role="dialog" aria-label={label} tabIndex={-1} ref={panel}>
      {children}
    </div>
  );
}
