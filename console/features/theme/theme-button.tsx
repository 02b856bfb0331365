import { changeSettings, type Theme, useSettings } from '../../lib/settings.ts';
import { Button } from '../../ui/button.tsx';

const NEXT: Readonly<Record<Theme, Theme>> = { auto: 'dark', dark: 'light', light: 'auto' };
const ICONS = { auto: 'auto', dark: 'moon', light: 'sun' } as const;
const NAMES: Readonly<Record<Theme, string>> = { auto: 'as the system', dark: 'dark', light: 'light' };

export function ThemeButton() {
  const { theme } = useSettings();
  return (
    <Button
      label={`Theme: ${NAMES[theme]}. Change to ${NAMES[NEXT[theme]]}`}
      icon={ICONS[theme]}
      kind="quiet"
      onClick={() => changeSettings({ theme: NEXT[theme] })}
    />
  );
}
