/** JSON text made by hand where that is faster than JSON.stringify: strings that need no escape are pasted. */

/** What keeps a string from being pasted between quotes as it is. Surrogates are looked at closely, pairs or not. */
const NEEDS_CARE = /["\\\u0000-\u001f\ud800-\udfff]/;
const NOT_PLAIN = /[\\\u0000-\u001f\ud800-\udfff\ufffd]/;

/** The string as JSON; lone surrogates become U+FFFD, since an event is valid UTF-8. */
export function quote(text: string): string {
  return NEEDS_CARE.test(text) ? JSON.stringify(text.toWellFormed()) : `"${text}"`;
}

/**
 * Whether no part of the text needs an escape but for quotes, and no U+FFFD hints at invalid UTF-8: one pass over a
 * record instead of one over each of its values.
 */
export function isPlain(text: string): boolean {
  return !NOT_PLAIN.test(text);
}

/** `quote` for a part of a plain text. */
export function quotePlain(text: string): string {
  return text.includes('"') ? JSON.stringify(text) : `"${text}"`;
}
