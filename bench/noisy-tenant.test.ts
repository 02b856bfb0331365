import { describe, expect, it } from 'vitest';
import { lacks } from '../test/support/needs.ts';
import { run } from './noisy-tenant.ts';

const SECONDS = 60;
/** What a machine that others use too may add to the figure: on a quiet one it is the bench's own target that holds. */
const SLACK = 1.25;
/** Alone, under the burst, and to start and to stop. */
const LONG_MS = 3 * SECONDS * 1_000;
const needs = { long: 'it takes two minutes', alone: 'it measures' };

describe.skipIf(lacks('a noisy tenant for a minute', needs))('a small tenant', () => {
  // A minute in which the disk had other work says nothing: one of three must be as promised.
  it('has its events found in two and a half times the time (p99) at the most while another sends 100,000 a second for a minute', {
    retry: 2,
    timeout: LONG_MS,
  }, async () => {
    const { value, target = 0 } = await run({ quick: false, peer: false, seconds: SECONDS });
    expect(target).toBe(2);
    expect(value).toBeLessThan(SLACK * target);
  });
});
