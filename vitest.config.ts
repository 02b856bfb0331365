import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.{test,fuzz}.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts', 'console/**/*.test.ts'],
    exclude: ['node_modules/**', 'console/dist/**'],
    setupFiles: ['test/support/patience.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
