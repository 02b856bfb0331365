/** Browser storage that may be blocked: reading then finds nothing, and writing does nothing. */
export function readStored(area: 'local' | 'session', key: string): string | undefined {
  try {
    return (area === 'local' ? localStorage : sessionStorage).getItem(`spillway.${key}`) ?? undefined;
  } catch {
    return undefined;
  }
}

export function store(area: 'local' | 'session', key: string, value: string): void {
  try {
    (area === 'local' ? localStorage : sessionStorage).setItem(`spillway.${key}`, value);
  } catch {
    // The choice lasts as long as the page.
  }
}
