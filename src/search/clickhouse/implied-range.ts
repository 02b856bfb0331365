/**
 * A range of time that all events of the slices it touches lie within is no condition, and costs the engine the time of
 * each row: a third of a count. The catalogue knows their bounds; it notes those of an insert before the first row of it
 * can be seen, so an answer that was being made while the bounds grew beyond the range is asked for again, in full. So is
 * one during which a slice came or went: a statement that touches all slices that there are names none (`inSlices`), and
 * without the range it would find the rows of that one too.
 */
import type { Question } from '../port.ts';
import type { ImpliedRange, SliceIndex } from './where.ts';

const NOTHING_IMPLIED: ImpliedRange = { from: false, to: false };

type Range = Pick<Question, 'tenant' | 'fromMs' | 'toMs'>;
type Slices = Pick<SliceIndex, 'bounds' | 'changes'>;

function impliedRange({ tenant, fromMs, toMs }: Range, slices: Slices): ImpliedRange {
  const bounds = slices.bounds(tenant, fromMs, toMs);
  if (bounds === undefined) return NOTHING_IMPLIED;
  return { from: bounds.fromMs >= fromMs, to: bounds.toMs < toMs };
}

/** The answer of `ask`, which may leave out the conditions that are implied. */
export async function withImpliedRange<T>(
  range: Range,
  slices: Slices,
  ask: (implied: ImpliedRange) => Promise<T>,
): Promise<T> {
  const implied = impliedRange(range, slices);
  const changes = slices.changes();
  const answer = await ask(implied);
  if (!implied.from && !implied.to) return answer;
  const still = impliedRange(range, slices);
  const hasGrown = (implied.from && !still.from) || (implied.to && !still.to);
  return hasGrown || slices.changes() !== changes ? ask(NOTHING_IMPLIED) : answer;
}
