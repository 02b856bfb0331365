/** What stands for something that is not to be shown. */
export const HIDDEN = '(hidden)';

/** An address without who logs in there (`https://name:password@host`), up to the last `@`: a password may have one. */
export function withoutLogin(text: string): string {
  const end = text.lastIndexOf('@');
  const [scheme = ''] = /^\w[\w+.-]*:\/\//.exec(text) ?? [];
  // Without a scheme only a name with a password is one.
  if (end < scheme.length || (scheme === '' && !text.slice(0, end).includes(':'))) return text;
  return `${scheme}${HIDDEN}${text.slice(end)}`;
}
