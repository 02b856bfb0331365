import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseAttempt, printAttempt, RequestBeginning } from './idempotency.ts';

const digest = 'a'.repeat(22);

it('is printed and parsed back; what earlier versions wrote is one attempt from the beginning', () => {
  const attempt = {
    key: digest,
    body: digest,
    records: 7,
    deadLetters: 2,
    attempt: 'x-_9',
    fromRecord: 3,
    fromDeadLetter: 1,
  };
  expect(parseAttempt(printAttempt(attempt))).toEqual(attempt);
  expect(parseAttempt(`${digest}.${digest}.7.2`)).toEqual({
    ...attempt,
    attempt: '',
    fromRecord: 0,
    fromDeadLetter: 0,
  });
  for (const wrong of ['', digest, `${digest}.${digest}.7`, `${digest}.${digest}.7.2.x`]) {
    expect(parseAttempt(wrong)).toBeUndefined();
  }
});

it('each piece of a request counts once, in order, however its attempts are mixed in the log', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 5 }),
      fc.infiniteStream(fc.nat()),
      (lengths, order) => {
        // Each attempt brings the first so many pieces.
        const left = lengths.map((length, attempt) => ({ attempt: `${attempt}`, at: 0, length }));
        const beginning = new RequestBeginning();
        const taken: number[] = [];
        for (let going = left.filter(({ length }) => length > 0); going.length > 0; ) {
          const next = going[(order.next().value ?? 0) % going.length];
          if (next === undefined) break;
          if (beginning.add(next.attempt, 0)) taken.push(next.at);
          next.at++;
          going = going.filter(({ at, length }) => at < length);
        }
        const longest = Math.max(...lengths);
        expect(taken).toEqual(Array.from({ length: longest }, (_, i) => i));
        expect(beginning.length).toBe(longest);
      },
    ),
  );
});
