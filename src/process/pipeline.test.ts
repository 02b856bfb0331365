import { describe, expect, it } from 'vitest';
import { Pipeline } from './pipeline.ts';

describe('a pipeline of appends', () => {
  it('begins none after one that was refused, also where that comes when there was room already', async () => {
    const pipeline = new Pipeline();
    const first = Promise.withResolvers<void>();
    const begun: string[] = [];
    const begin = (name: string, append: Promise<void>) => () => {
      begun.push(name);
      return append;
    };
    pipeline.push(begin('first', first.promise));
    await pipeline.room();
    // What is written to dead-letter in between takes a while.
    const refusal = new Error('the disk is full');
    first.reject(refusal);
    await pipeline.settled();
    expect(() => pipeline.push(begin('second', Promise.resolve()))).toThrow(refusal);
    expect(begun).toEqual(['first']);
    expect(pipeline.broken.reason).toBe(refusal);
  });
});
