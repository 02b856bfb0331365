import { expect, test } from 'vitest';
import { Incidents } from './incidents.ts';
import { Random } from './random.ts';
import { Traffic } from './traffic.ts';

const NOW_MS = Date.UTC(2026, 10, 23, 10);

function lines(seed: number, requests: number, incident?: 'payment-provider' | 'slow-catalog' | 'bad-deployment') {
  const traffic = new Traffic(new Random(seed));
  return Array.from({ length: requests }, (_, index) => traffic.request(NOW_MS + index, incident)).flat();
}

test('the same seed makes the same traffic, another seed another', () => {
  expect(lines(1, 200)).toEqual(lines(1, 200));
  expect(lines(1, 200)).not.toEqual(lines(2, 200));
});

test('it speaks RFC 3164, RFC 5424 and JSON, without line breaks', () => {
  for (const { over, text } of lines(3, 500)) {
    expect(text).not.toContain('\n');
    if (over === 'http') expect(JSON.parse(text)).toHaveProperty('message');
    else
      expect(text).toMatch(
        /^<\d+>(1 2026-11-23T\S+Z \S+ \S+ - - (-|\[.*\]) |[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ nginx: )/,
      );
  }
});

test.each(['payment-provider', 'slow-catalog', 'bad-deployment'] as const)(
  'an incident (%s) shows in the logs',
  (incident) => {
    const troubles = (made: readonly { text: string }[]) =>
      made.filter(({ text }) => /"level":"(error|warn)"|level=error|payment failed/.test(text)).length;
    expect(troubles(lines(4, 1_000, incident))).toBeGreaterThan(10 * (troubles(lines(4, 1_000)) + 1));
  },
);

test('incidents come and go', () => {
  const incidents = new Incidents(new Random(5), NOW_MS);
  const seen = new Set(Array.from({ length: 600 }, (_, second) => incidents.at(NOW_MS + second * 1_000)));
  expect(seen).toContain(undefined);
  expect(seen.size).toBeGreaterThan(2);
});
