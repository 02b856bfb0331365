/**
 * What holds for all events of the slices that a question touches is no condition: a range of time that they lie within,
 * and the tenant, where nobody else has events there. Each would cost the engine a column of every row: the half of a
 * count and more. The catalogue knows bounds and tenants; it notes those of an insert before the first row of it can be
 * seen, so an answer that was being made while an event of another time or tenant came is thrown away and asked for again,
 * with all conditions. So is one during which a slice came or went: a statement that touches all slices that there are
 * names none (`inSlices`), and would find the rows of that one too.
 */
import type { Question } from '../port.ts';
import type { Implied, SliceIndex } from './where.ts';

const NOTHING_IMPLIED: Implied = { from: false, to: false, tenant: false };

type Range = Pick<Question, 'tenant' | 'fromMs' | 'toMs'>;
type Slices = Pick<SliceIndex, 'bounds' | 'changes' | 'isAlone'>;

function implied({ tenant, fromMs, toMs }: Range, slices: Slices): Implied {
  const bounds = slices.bounds(tenant, fromMs, toMs);
  if (bounds === undefined) return NOTHING_IMPLIED;
  return {
    from: bounds.fromMs >= fromMs,
    to: bounds.toMs < toMs,
    tenant: slices.isAlone(tenant, fromMs, toMs),
  };
}

/** The answer of `ask`, which may leave out the conditions that are implied. */
export async function withImplied<T>(range: Range, slices: Slices, ask: (implied: Implied) => Promise<T>): Promise<T> {
  const before = implied(range, slices);
  const changes = slices.changes();
  const answer = await ask(before);
  if (!before.from && !before.to && !before.tenant) return answer;
  const after = implied(range, slices);
  const isLess = (before.from && !after.from) || (before.to && !after.to) || (before.tenant && !after.tenant);
  return isLess || slices.changes() !== changes ? ask(NOTHING_IMPLIED) : answer;
}
