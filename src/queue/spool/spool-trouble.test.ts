import { expect, test } from 'vitest';
import { describeTroubles } from './spool-trouble.ts';

const away = (partition: number) => ({
  place: `raw/${partition}`,
  kind: 'QUEUE_UNREACHABLE',
  why: 'Kafka did not answer.',
});

test('a thousand partitions that are kept for one reason are one sentence with their number', () => {
  const troubles = Array.from({ length: 1_024 }, (_, partition) => away(partition));
  expect(describeTroubles(troubles, 1_026)).toEqual([
    "1024 of 1026 partitions (raw/0 ...) are kept on this machine's disk. Kafka did not answer.",
  ]);
  expect(describeTroubles([away(3)], 4)).toEqual(["raw/3 is kept on this machine's disk. Kafka did not answer."]);
  expect(describeTroubles([], 4)).toEqual([]);
});

test('those that are kept for another reason have a sentence of their own', () => {
  const held = { place: 'raw/2', kind: 'held', why: 'It was added.' };
  expect(describeTroubles([away(0), away(1), held], 4)).toEqual([
    "2 of 4 partitions (raw/0 ...) are kept on this machine's disk. Kafka did not answer.",
    "raw/2 is kept on this machine's disk. It was added.",
  ]);
});
