import { expect, test } from 'vitest';
import { describeTroubles } from './spool-trouble.ts';

const away = (partition: number) => ({
  place: `raw/${partition}`,
  sinceMs: Date.UTC(2026, 10, 26, 3) + partition,
  kind: 'QUEUE_UNREACHABLE',
  why: 'Kafka did not answer.',
});

test('a thousand partitions that are kept for one reason are one sentence with their number', () => {
  const troubles = Array.from({ length: 1_024 }, (_, partition) => away(partition));
  expect(describeTroubles(troubles, 1_026)).toEqual([
    "1024 of 1026 partitions (raw/0 ...) have been kept on this machine's disk since 2026-11-26T03:00:00.000Z. Kafka did not answer.",
  ]);
  expect(describeTroubles([away(3)], 4)).toEqual([
    "raw/3 has been kept on this machine's disk since 2026-11-26T03:00:00.003Z. Kafka did not answer.",
  ]);
  expect(describeTroubles([], 4)).toEqual([]);
});

test('those that are kept for another reason have a sentence of their own', () => {
  const held = { ...away(2), kind: 'held', why: 'It was added.' };
  expect(describeTroubles([away(0), away(1), held], 4)).toEqual([
    "2 of 4 partitions (raw/0 ...) have been kept on this machine's disk since 2026-11-26T03:00:00.000Z. Kafka did not answer.",
    "raw/2 has been kept on this machine's disk since 2026-11-26T03:00:00.002Z. It was added.",
  ]);
});
