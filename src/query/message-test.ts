/** Tests over the tokens of one message. */
import { RE2JS } from 're2js';
import type { LeafAsk } from './analyse.ts';
import type { TokenPattern } from './pattern.ts';
import { isTokenChar, lowerCase, tokensOfLowerCase } from './text.ts';

/** A message as its tests see it; what is worked out for one clause is there for the next. */
export class MessageView {
  readonly #text: string;
  #lower: string | undefined;
  #tokens: readonly string[] | undefined;

  constructor(text: string | undefined) {
    this.#text = text ?? '';
  }

  get lower(): string {
    this.#lower ??= lowerCase(this.#text);
    return this.#lower;
  }

  get tokens(): readonly string[] {
    this.#tokens ??= tokensOfLowerCase(this.lower);
    return this.#tokens;
  }
}

export type MessageTest = (view: MessageView) => boolean;

export function messageTest(ask: Extract<LeafAsk, { of: 'tokens' | 'anyToken' | 'phrase' }>): MessageTest {
  if (ask.of === 'phrase') return phraseTest(ask.tokens);
  if (ask.of === 'anyToken') return (view) => ask.tokens.some((token) => hasToken(view.lower, token));
  const patterns = ask.patterns.map(patternTest);
  return (view) => ask.tokens.every((token) => hasToken(view.lower, token)) && patterns.every((test) => test(view));
}

function patternTest({ contained, source }: TokenPattern): MessageTest {
  if (source === undefined) return (view) => view.lower.includes(contained);
  const compiled = RE2JS.compile(source);
  return (view) => view.lower.includes(contained) && compiled.test(view.lower);
}

/** An occurrence that starts inside another one cannot start a token, so the search goes on behind it. */
function hasToken(lower: string, token: string): boolean {
  for (let at = lower.indexOf(token); at >= 0; at = lower.indexOf(token, at + token.length)) {
    if (!isTokenUnit(lower, at - 1) && !isTokenUnit(lower, at + token.length)) return true;
  }
  return false;
}

/** Whether a UTF-16 code unit belongs to a token; half of a pair does, as all of past ASCII. */
function isTokenUnit(lower: string, at: number): boolean {
  const unit = lower.charCodeAt(at);
  return unit >= 0x80 || (unit >= 0 && isTokenChar(lower[at] ?? ''));
}

/** Knuth, Morris and Pratt over tokens: linear also where message and phrase repeat one word. */
function phraseTest(phrase: readonly string[]): MessageTest {
  const fallbacks = [0];
  for (let i = 1, matched = 0; i < phrase.length; i++) {
    while (matched > 0 && phrase[i] !== phrase[matched]) matched = fallbacks[matched - 1] ?? 0;
    if (phrase[i] === phrase[matched]) matched++;
    fallbacks.push(matched);
  }
  return (view) => {
    if (!phrase.every((token) => view.lower.includes(token))) return false;
    let matched = 0;
    for (const token of view.tokens) {
      while (matched > 0 && token !== phrase[matched]) matched = fallbacks[matched - 1] ?? 0;
      if (token === phrase[matched] && ++matched === phrase.length) return true;
    }
    return false;
  };
}
