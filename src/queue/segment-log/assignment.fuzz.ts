import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TopicPartition } from '../port.ts';
import { type AssignmentQuestion, assign } from './assignment.ts';
import { partitionKey } from './names.ts';

const TOPICS = ['audit', 'events', 'raw'];

const question: fc.Arbitrary<AssignmentQuestion> = fc
  .record({
    members: fc.array(fc.subarray(TOPICS), { maxLength: 9 }),
    counts: fc.tuple(fc.nat(12), fc.nat(12), fc.nat(12)),
    // Holders may have left: more names than members.
    holders: fc.array(fc.option(fc.nat(11)), { minLength: 36, maxLength: 36 }),
  })
  .map(({ members, counts, holders }) => {
    const partitions: TopicPartition[] = TOPICS.flatMap((topic, i) =>
      Array.from({ length: counts[i] ?? 0 }, (_, partition) => ({ topic, partition })),
    );
    const held = partitions.flatMap((at, i) => {
      const holder = holders[i];
      return holder === null || holder === undefined ? [] : [[partitionKey(at), `m${holder}`] as const];
    });
    return {
      members: members.map((topics, i) => ({ id: `m${i}`, topics: new Set(topics) })),
      partitions,
      holders: new Map(held),
    };
  });

/** Of a topic: how many partitions each subscriber has in a map from partitions to members. */
function sharesOf({ members, partitions }: AssignmentQuestion, topic: string, of: ReadonlyMap<string, string>) {
  const keys = partitions.filter((at) => at.topic === topic).map(partitionKey);
  const subscribers = members.filter(({ topics }) => topics.has(topic)).map(({ id }) => id);
  return { keys, shares: subscribers.map((id) => keys.filter((key) => of.get(key) === id).length) };
}

it('gives every partition to one subscriber, balanced within one, with as few moves as that allows', () => {
  fc.assert(
    fc.property(question, (asked) => {
      const assigned = assign(asked);
      for (const topic of TOPICS) {
        const { keys, shares } = sharesOf(asked, topic, assigned);
        if (shares.length === 0) {
          expect(keys.filter((key) => assigned.has(key))).toEqual([]);
          continue;
        }
        // Complete: each is somebody's who subscribes; exclusive by being a map.
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(keys.length);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
        const stayed = keys.filter((key) => assigned.get(key) === asked.holders.get(key)).length;
        expect(stayed).toBe(mostThatMayStay(sharesOf(asked, topic, asked.holders).shares, keys.length));
      }
    }),
    { numRuns: 2_000 },
  );
});

/** By another way: tries each number of members that keep one more. */
function mostThatMayStay(held: readonly number[], count: number): number {
  const least = Math.floor(count / held.length);
  const kept = held.map((share) => Math.min(share, least)).reduce((sum, share) => sum + share, 0);
  return kept + Math.min(count % held.length, held.filter((share) => share > least).length);
}

it('changes nothing when it is asked again', () => {
  fc.assert(
    fc.property(question, (asked) => {
      const assigned = assign(asked);
      expect(assign({ ...asked, holders: assigned })).toEqual(assigned);
    }),
  );
});

it('gives the same answer in whatever order the partitions come', () => {
  fc.assert(
    fc.property(question, (asked) => {
      const turned = { ...asked, partitions: asked.partitions.toReversed() };
      expect([...assign(turned)].sort()).toEqual([...assign(asked)].sort());
    }),
  );
});
