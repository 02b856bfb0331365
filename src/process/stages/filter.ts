/** Drops the events that a query matches: the noise that nobody will search for. */
import { type Static, Type } from 'typebox';
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { QUERY_LIMITS } from '../../lib/limits.ts';
import type { QueryNode } from '../../query/ast.ts';
import { parseQuery } from '../../query/parse.ts';
import { compilePredicate } from '../../query/predicate.ts';
import type { StageDefinition } from './stage.ts';

export const FilterSchema = Type.Object(
  {
    stage: Type.Literal('filter'),
    when: Type.String({
      minLength: 1,
      maxLength: QUERY_LIMITS.queryChars,
      description: 'A query, as in the console. Events that match it are taken.',
      examples: ['app:lb AND message:"I am alive"'],
    }),
    drop: Type.Literal(true, { description: 'What happens to them.' }),
    name: Type.Optional(
      Type.String({
        pattern: '^[\\w .:-]{1,64}$',
        description: 'What the ledger and the metrics call this rule, instead of its number.',
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'Drops the events that a query matches.',
  },
);
export type FilterOptions = Static<typeof FilterSchema>;

export const filter: StageDefinition<FilterOptions> = {
  schema: FilterSchema,
  compile({ when, name }, place) {
    const matches = compilePredicate(parseWhen(when, place));
    return { of: 'event', rule: name ?? place, evaluate: (event) => (matches(event) ? undefined : event) };
  },
};

function parseWhen(when: string, place: string): QueryNode {
  try {
    return parseQuery(when);
  } catch (cause) {
    throw new SpillwayError('CONFIG_INVALID', `The query of ${place} cannot be used: ${messageOf(cause)}`, { cause });
  }
}
