import { expect, it } from 'vitest';
import { MarksOutbox } from './marks-outbox.ts';
import type { Mark } from './messages.ts';

const mark = (partition: number, endOffset: number): Mark => ({
  topic: 'raw',
  partition,
  epoch: 1,
  earliestOffset: 0,
  endOffset,
  bytes: 0,
  segments: 1,
  atMs: 0,
});

it('a peer that takes nothing is owed the newest mark of each partition, and no more', () => {
  const posted: (readonly Mark[])[] = [];
  const taken: (() => void)[] = [];
  const outbox = new MarksOutbox((marks, sent) => {
    posted.push(marks);
    taken.push(sent);
  });
  for (let end = 1; end <= 10_000; end++) outbox.send([mark(end % 3, end)]);
  expect(posted).toEqual([[mark(1, 1)]]);
  taken.shift()?.();
  expect(posted[1]).toHaveLength(3);
  expect(posted[1]?.map(({ endOffset }) => endOffset).toSorted()).toEqual([10_000, 9_998, 9_999].toSorted());
  taken.shift()?.();
  expect(posted).toHaveLength(2);
  outbox.send([mark(0, 10_001)]);
  expect(posted[2]).toEqual([mark(0, 10_001)]);
});
