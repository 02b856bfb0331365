/**
 * How long `vi.waitFor` waits for its condition where a test does not say: vitest's second is too short on a machine
 * whose cores have other work, and a condition that never holds fails in any case.
 */
import { vi } from 'vitest';

const PATIENCE_MS = 20_000;

const { waitFor } = vi;
vi.waitFor = (condition, options = PATIENCE_MS) => waitFor(condition, options);
