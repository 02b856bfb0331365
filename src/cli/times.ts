/** Times as the verbs take and show them. */

/** `10m` is short for `now-10m`; everything else goes to the server as it is. */
export function askedTime(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  return /^\d{1,7}[smhdwMy]$/.test(text) ? `now-${text}` : text;
}

/** For a person: local date and time with milliseconds. */
export function shownTime(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** `850 ms`, `12 s`, `3 min`, `2 h`, `5 d`. */
export function shownAge(ms: number): string {
  const steps: readonly (readonly [number, string])[] = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ];
  const [size, unit] = steps.find(([size]) => ms >= size * 2) ?? [1, 'ms'];
  return `${Math.floor(ms / size)} ${unit}`;
}
