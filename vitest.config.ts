import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.{test,fuzz}.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts', 'console/**/*.test.ts'],
    exclude: ['node_modules/**', 'console/dist/**'],
    setupFiles: ['test/support/patience.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // As vi.waitFor in test/support/patience.ts: a second is too short on a busy machine.
    expect: { poll: { timeout: 20_000 } },
    maxWorkers: 2,
    // Of tests of one file that run at the same time.
    maxConcurrency: 2,
  },
});
