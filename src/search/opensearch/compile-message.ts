/** Conditions on the tokens of `message`, which are terms of their own field. */
import type { LeafAsk } from '../../query/analyse.ts';
import { allOf, type CompileContext, type Condition, NOTHING, regexp } from './conditions.ts';
import { luceneRegexp } from './lucene-regexp.ts';
import { FIELD } from './mapping.ts';
import { cut, fieldTerm, isCut, MARK, ownKey } from './names.ts';

export function messageCondition(
  ask: Extract<LeafAsk, { of: 'tokens' | 'anyToken' | 'phrase' }>,
  context: CompileContext,
): Condition {
  switch (ask.of) {
    case 'phrase': {
      const clauses = ask.tokens.map((token) => ({ span_term: { [FIELD.tokens]: whole(token, context) } }));
      return { span_near: { clauses, slop: 0, in_order: true } };
    }
    case 'anyToken':
      return { terms: { [FIELD.tokens]: ask.tokens.map((token) => whole(token, context)) } };
    case 'tokens': {
      const tokens = ask.tokens.map((token) => ({ term: { [FIELD.tokens]: whole(token, context) } }));
      if (ask.patterns.length > 0) context.undecided.add(CUT);
      const patterns = ask.patterns.map(({ node }) => {
        const source = luceneRegexp(node);
        return source === undefined ? NOTHING : regexp(FIELD.tokens, source);
      });
      return allOf([...tokens, ...patterns]);
    }
  }
}

const CUT = fieldTerm(ownKey('message'), MARK.cut);

/** Lower-casing can make a word longer than a query may be. */
function whole(token: string, { undecided }: CompileContext): string {
  if (isCut(token)) undecided.add(CUT);
  return cut(token);
}
