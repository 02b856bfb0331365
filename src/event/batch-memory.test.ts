import { describe, expect, it } from 'vitest';
import { BatchMemory } from './batch-memory.ts';

describe('the memory of batches', () => {
  it('is used again after it was given back', () => {
    const memory = new BatchMemory(1_000_000);
    const first = memory.take(5_000);
    expect(first.length).toBeGreaterThanOrEqual(5_000);
    memory.giveBack(first.subarray(10, 20));
    expect(memory.take(6_000).buffer).toBe(first.buffer);
    expect(memory.freeBytes).toBe(0);
  });

  it('is never lent to two at a time, also when it is given back twice', () => {
    const memory = new BatchMemory(1_000_000);
    const first = memory.take(5_000);
    memory.giveBack(first);
    memory.giveBack(first);
    expect(memory.take(5_000).buffer).not.toBe(memory.take(5_000).buffer);
  });

  it('takes nothing that it did not lend', () => {
    const memory = new BatchMemory(1_000_000);
    memory.giveBack(Buffer.alloc(8_192));
    memory.giveBack(Buffer.from('from the pool of Node'));
    expect(memory.freeBytes).toBe(0);
  });

  it('keeps no more than its limit', () => {
    const memory = new BatchMemory(20_000);
    const lent = Array.from({ length: 5 }, () => memory.take(8_192));
    for (const bytes of lent) memory.giveBack(bytes);
    expect(memory.freeBytes).toBe(16_384);
  });
});
