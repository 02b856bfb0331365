/**
 * Conditions on the tokens of `message`. Tokens are looked up in the text index alone. A phrase and a pattern need the
 * text too: the index says in which parts of the table to look, a phrase by its tokens and a pattern by a text that
 * each match contains (the index finds tokens that contain it).
 */
import type { LeafAsk } from '../../query/analyse.ts';
import type { TokenPattern } from '../../query/pattern.ts';
import { type Binder, MESSAGE_TOKENS } from './schema.ts';

/** The engine looks up shorter texts one row after the other (text_index_like_min_pattern_length). */
const INDEXED_BYTES = 4;

export function messageCondition(
  ask: Extract<LeafAsk, { of: 'tokens' | 'anyToken' | 'phrase' }>,
  binder: Binder,
): string {
  switch (ask.of) {
    case 'phrase':
      return `hasPhrase(${MESSAGE_TOKENS}, ${binder.bind('String', ask.tokens.join(' '))})`;
    case 'anyToken':
      return `hasAnyTokens(${MESSAGE_TOKENS}, ${binder.bind('Array(String)', ask.tokens)})`;
    case 'tokens': {
      const patterns = ask.patterns.flatMap((pattern) => patternConditions(pattern, binder));
      if (ask.tokens.length === 0) return patterns.join(' AND ');
      const tokens = `hasAllTokens(${MESSAGE_TOKENS}, ${binder.bind('Array(String)', ask.tokens)})`;
      return [tokens, ...patterns].join(' AND ');
    }
  }
}

function patternConditions({ contained, source }: TokenPattern, binder: Binder): string[] {
  const conditions: string[] = [];
  if (source === undefined || Buffer.byteLength(contained) >= INDEXED_BYTES)
    conditions.push(`${MESSAGE_TOKENS} LIKE ${binder.bind('String', `%${contained}%`)}`);
  if (source !== undefined) conditions.push(`match(${MESSAGE_TOKENS}, ${binder.bind('String', source)})`);
  return conditions;
}
