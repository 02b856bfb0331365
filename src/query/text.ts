/**
 * Text analysis, the same in every engine and frozen (docs/query-language.md): a token is a run of ASCII letters, ASCII
 * digits and characters past U+007F, compared after Unicode lower-casing of the whole text.
 */
const TOKEN = /[a-z0-9\u0080-\u{10ffff}]+/gu;
const TOKEN_CHAR = /^[a-z0-9\u0080-\u{10ffff}]$/u;

export function lowerCase(text: string): string {
  return text.toLowerCase();
}

/** The tokens of a text in order, lower-cased, repeated ones included. */
export function tokenize(text: string): string[] {
  return tokensOfLowerCase(lowerCase(text));
}

export function tokensOfLowerCase(lower: string): string[] {
  return lower.match(TOKEN) ?? [];
}

/** Whether a lower-cased character (one code point) belongs to a token. */
export function isTokenChar(char: string): boolean {
  return TOKEN_CHAR.test(char);
}
