import type { ReactNode, Ref } from 'react';
import { type Action, SHORTCUTS } from '../lib/keyboard.ts';
import { Icon, type IconName } from './icon.tsx';

interface ButtonProps {
  /** What it does: its accessible name and tooltip. */
  readonly label: string;
  readonly onClick: () => void;
  readonly icon?: IconName;
  /** Text to show; without it the button is an icon alone. */
  readonly children?: ReactNode;
  readonly shortcut?: Action;
  /** For a button that is on or off. */
  readonly pressed?: boolean;
  /** For a button that opens something. */
  readonly expanded?: boolean;
  readonly kind?: 'plain' | 'primary' | 'quiet';
  readonly small?: boolean;
  readonly disabled?: boolean;
  readonly className?: string;
  readonly ref?: Ref<HTMLButtonElement>;
}

export function Button(props: ButtonProps) {
  const { label, onClick, icon, children, shortcut, pressed, expanded, kind = 'plain', small = false } = props;
  const key = shortcut === undefined ? undefined : SHORTCUTS[shortcut].keys[0];
  const classes = ['button', `button-${kind}`];
  if (small) classes.push('button-small');
  if (children === undefined) classes.push('button-icon');
  if (props.className !== undefined) classes.push(props.className);
  return (
    <button
      type="button"
      ref={props.ref}
      className={classes.join(' ')}
      title={key === undefined ? label : `${label} (${key})`}
      aria-label={label}
      aria-pressed={pressed}
      aria-expanded={expanded}
      aria-keyshortcuts={key}
      disabled={props.disabled}
      onClick={onClick}
    >
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}
