/**
 * Conditions on the tokens of `message`. Tokens are looked up in the text index alone; a phrase and a pattern need the
 * text too, behind the index where there are whole tokens.
 */
import type { LeafAsk, TokenPattern } from '../../query/analyse.ts';
import { type Binder, MESSAGE_TOKENS } from './schema.ts';

export function messageCondition(ask: Extract<LeafAsk, { of: 'tokens' | 'phrase' }>, binder: Binder): string {
  const conditions: string[] = [];
  if (ask.tokens.length > 0)
    conditions.push(`hasAllTokens(${MESSAGE_TOKENS}, ${binder.bind('Array(String)', ask.tokens)})`);
  if (ask.of === 'phrase') conditions.push(phraseCondition(ask.tokens, binder));
  else for (const pattern of ask.patterns) conditions.push(patternCondition(pattern, binder));
  return conditions.join(' AND ');
}

function phraseCondition(tokens: readonly string[], binder: Binder): string {
  return `hasPhrase(${MESSAGE_TOKENS}, ${binder.bind('String', tokens.join(' '))}, 'splitByNonAlpha')`;
}

function patternCondition(pattern: TokenPattern, binder: Binder): string {
  const source = pattern.kind === 'search' ? pattern.source : `(?:^|[^a-z0-9\\x{80}-\\x{10ffff}])${pattern.text}`;
  return `match(${MESSAGE_TOKENS}, ${binder.bind('String', source)})`;
}
