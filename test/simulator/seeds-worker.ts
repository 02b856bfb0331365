/** A thread that runs seeds, and with them, where that is asked for, a mistake planted in one file of the source. */
import { registerHooks } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { Mistake } from './mistakes.ts';
import type { RunResult } from './run.ts';

export interface SeedsRequest {
  readonly seed: number;
}

const { mistake } = workerData as { readonly mistake?: Mistake };
if (mistake !== undefined) plant(mistake);
const { runSeed } = await import('./run.ts');

parentPort?.on('message', async ({ seed }: SeedsRequest) => {
  const result: RunResult = await runSeed(seed);
  parentPort?.postMessage(result);
});

function plant({ file, target, replacement }: Mistake): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.endsWith(`/${file}`)) return loaded;
      const parts = String(loaded.source).split(target);
      if (parts.length !== 2) throw new Error(`${file} has '${target}' ${parts.length - 1} times, it must be once`);
      return { ...loaded, source: parts.join(replacement) };
    },
  });
}
