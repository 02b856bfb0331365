import { setImmediate as soon } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { InTurn } from './in-turn.ts';

test('work is done one after another, and what fails holds nothing up', async () => {
  const turns = new InTurn();
  const said: string[] = [];
  const work = (name: string) => async () => {
    said.push(`${name} begins`);
    await soon();
    said.push(`${name} ends`);
    if (name === 'b') throw new Error('b failed');
    return name;
  };
  const [a, b, c] = ['a', 'b', 'c'].map((name) => turns.run(work(name)));
  await expect(b).rejects.toThrow('b failed');
  await turns.settled();
  expect(await Promise.all([a, c])).toEqual(['a', 'c']);
  expect(said).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});
