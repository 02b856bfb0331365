/** What stands for something that is not to be shown. */
export const HIDDEN = '(hidden)';

const WITH_SCHEME = /^(\w[\w+.-]*:\/\/).*@/s;
const WITHOUT = /^(?!\w[\w+.-]*:\/\/)[^@]*:.*@/s;

/** An address without who logs in there (`https://name:password@host`), up to the last `@`: a password may have one. */
export function withoutLogin(text: string): string {
  return text.replace(WITH_SCHEME, `$1${HIDDEN}@`).replace(WITHOUT, `${HIDDEN}@`);
}
