/** Pieces of OpenSearch's query language. */
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { FIELD } from './mapping.ts';

export type Condition = Readonly<Record<string, unknown>>;

export const ALL: Condition = { match_all: {} };
export const NOTHING: Condition = { match_none: {} };

export interface CompileContext {
  readonly nowMs: number;
  readonly undecided: Set<string>;
}

export function allOf(conditions: readonly Condition[]): Condition {
  const [only = ALL] = conditions;
  return conditions.length < 2 ? only : { bool: { filter: conditions } };
}

export function anyOf(conditions: readonly Condition[]): Condition {
  const [only = NOTHING] = conditions;
  return conditions.length < 2 ? only : { bool: { should: conditions, minimum_should_match: 1 } };
}

export function not(condition: Condition): Condition {
  return { bool: { must_not: [condition] } };
}

export function anyTerm(terms: readonly string[]): Condition {
  return terms.length === 0 ? NOTHING : { terms: { [FIELD.terms]: terms } };
}

export function regexp(field: string, value: string): Condition {
  return { regexp: { [field]: { value, flags: 'NONE', max_determinized_states: OPENSEARCH_LIMITS.regexpStates } } };
}
