/** Keys of layouts: everything that could be punctuation of a layout is percent-encoded. */
const NOT_SAFE = /[^A-Za-z0-9_@.-]/gu;

export function encodeKey(key: string): string {
  return key.replace(NOT_SAFE, (char) =>
    [...Buffer.from(char)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}

export function decodeKey(text: string): string {
  if (!text.includes('%')) return text;
  return decodeURIComponent(text);
}

/** Where the value of a key stands in an event: dots nest. */
export function pathOfKey(key: string): readonly string[] {
  return key.split('.');
}
