import { expect, it } from 'vitest';
import { Pipeline } from './pipeline.ts';

it('appends nothing after one that failed, also where there had been room before it failed', async () => {
  const pipeline = new Pipeline();
  let refuse: (failure: Error) => void = () => undefined;
  pipeline.push(
    () =>
      new Promise((_, reject) => {
        refuse = reject;
      }),
  );
  await pipeline.room();
  // While the next batch is finished, its dead letters for one, the first one is refused: the disk is full.
  refuse(new Error('full'));
  await pipeline.settled();
  let isAppended = false;
  const append = async () => {
    isAppended = true;
  };
  expect(() => pipeline.push(append)).toThrow('full');
  expect(isAppended).toBe(false);
});
