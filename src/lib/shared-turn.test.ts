import { expect, test } from 'vitest';
import { SharedTurn } from './shared-turn.ts';

test('who asks before it begins shares it, and who asks later gets the next one, also after one that failed', async () => {
  const begun: PromiseWithResolvers<number>[] = [];
  const turn = new SharedTurn(() => {
    const work = Promise.withResolvers<number>();
    begun.push(work);
    return work.promise;
  });
  const [first, same] = [turn.run(), turn.run()];
  await expect.poll(() => begun.length).toBe(1);
  const [second, third] = [turn.run(), turn.run()];
  begun[0]?.reject(new Error('failed'));
  await expect(first).rejects.toThrow('failed');
  await expect(same).rejects.toThrow('failed');
  await expect.poll(() => begun.length).toBe(2);
  begun[1]?.resolve(2);
  expect(await Promise.all([second, third])).toEqual([2, 2]);
  expect(begun.length).toBe(2);
});
