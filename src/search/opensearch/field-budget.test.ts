import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OPENSEARCH_LIMITS } from '../../lib/limits.ts';
import { FieldBudget, type Wanted } from './field-budget.ts';
import { OWN_COLUMNS } from './mapping.ts';
import { type TypedField, typedFieldOf, typedPath } from './typed-fields.ts';

const MOST = OPENSEARCH_LIMITS.typedFields;
const OWN_PATHS = Object.values(OWN_COLUMNS).map(([type, name]) => typedPath(type, name));

function field(name: string): TypedField {
  return typedFieldOf('number', `p:${name}`) ?? expect.fail(name);
}
function fields(prefix: string, count: number): Set<TypedField> {
  return new Set(Array.from({ length: count }, (_, i) => field(`${prefix}-${i}`)));
}
function budgetOf(isShared: boolean): FieldBudget {
  const budget = new FieldBudget(isShared);
  budget.take(OWN_PATHS);
  return budget;
}
const broughtBy = (budget: FieldBudget, tenant: string) => budget.brought[tenant]?.length ?? 0;

test('in a slice of its own a tenant has all typed fields, in one that is shared a third of them', () => {
  const [own, shared] = [budgetOf(false), budgetOf(true)];
  for (const budget of [own, shared]) budget.grant(new Map([['noisy', fields('a', 5_000)]]));
  expect(broughtBy(own, 'noisy')).toBe(MOST);
  expect(broughtBy(shared, 'noisy')).toBe(Math.ceil(MOST / 3));
});

test('after five tenants that each send thousands of names another one can still bring twenty', () => {
  const budget = budgetOf(true);
  for (let i = 0; i < 5; i++) budget.grant(new Map([[`noisy-${i}`, fields(`n${i}`, 5_000)]]));
  const { fields: granted, refused } = budget.grant(new Map([['small', fields('s', 20)]]));
  expect([granted.size, refused]).toEqual([20, []]);
});

test('who wants few gets them also where another asks for all that is left at the same time', () => {
  const budget = budgetOf(true);
  const { fields: granted, refused } = budget.grant(
    new Map([
      ['noisy', fields('n', 5_000)],
      ['small', fields('s', 20)],
    ]),
  );
  expect([...fields('s', 20)].every(({ path }) => granted.has(path))).toBe(true);
  expect(refused).toEqual(['noisy']);
});

test('a field that is there costs nobody anything, whoever brought it', () => {
  const budget = budgetOf(true);
  budget.grant(new Map([['noisy', fields('n', 5_000)]]));
  const others = fields('s', 20);
  budget.grant(new Map([['small', others]]));
  const before = budget.brought;
  const again = budget.grant(new Map([['noisy', others]]));
  expect([again.fields.size, again.isMore, again.refused]).toEqual([20, false, []]);
  expect(budget.brought).toEqual(before);
});

test('whatever comes in whatever order, the cap holds, and who was refused once is refused until another brings it', () => {
  const tenant = fc.constantFrom('a', 'b', 'c', 'd');
  const wish = fc.record({ tenant, from: fc.nat(1_500), count: fc.nat(700) });
  fc.assert(
    fc.property(fc.array(fc.array(wish, { maxLength: 3 }), { maxLength: 20 }), (rounds) => {
      let budget = budgetOf(true);
      const refusals = new Map<string, Set<string>>();
      for (const wishes of rounds) {
        const wanted: Wanted = new Map(
          wishes.map(({ tenant: who, from, count }) => [
            who,
            new Set(Array.from({ length: count }, (_, i) => field(`x-${from + i}`))),
          ]),
        );
        const granted = budget.grant(wanted);
        // As another store or the next process knows it.
        const read = budgetOf(true);
        read.add(budget.brought);
        budget = read;
        const paths = Object.values(budget.brought).flat();
        expect(paths.length).toBe(new Set(paths).size);
        expect(budget.left).toBe(MOST - paths.length);
        expect(budget.left).toBeGreaterThanOrEqual(0);
        const taken = new Set(paths);
        for (const [who, wants] of wanted) {
          for (const { path } of wants) {
            expect(granted.fields.has(path)).toBe(taken.has(path));
            if (!taken.has(path)) refusals.set(who, (refusals.get(who) ?? new Set()).add(path));
          }
        }
        for (const [who, refusedPaths] of refusals) {
          for (const path of refusedPaths) expect(budget.refuses(who, path)).toBe(!taken.has(path));
        }
      }
    }),
    { numRuns: 15 },
  );
});
