import { useEffect, useRef } from 'react';
import { useSettings } from '../../lib/settings.ts';

/** Calls `repaint` after the theme changed, by choice or with the system: for what CSS does not colour. */
export function useRepaint(repaint: () => void): void {
  const latest = useRef(repaint);
  latest.current = repaint;
  const { theme } = useSettings();
  const seen = useRef(theme);
  useEffect(() => {
    if (seen.current !== theme) latest.current();
    seen.current = theme;
  }, [theme]);
  useEffect(() => {
    const media = matchMedia('(prefers-color-scheme: dark)');
    const changed = () => latest.current();
    media.addEventListener('change', changed);
    return () => media.removeEventListener('change', changed);
  }, []);
}
