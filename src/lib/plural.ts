/** Numbers in sentences. */
export function count(value: number): string {
  return value.toLocaleString('en');
}

/** `1 line`, `12,345 lines`. */
export function plural(value: number, singular: string, many = `${singular}s`): string {
  return `${count(value)} ${value === 1 ? singular : many}`;
}
