/** How long the data disk takes to make a write durable: every acknowledgement waits for it. */
import { messageOf } from '../../lib/errors.ts';
import { DOCTOR_LIMITS } from '../../lib/limits.ts';
import { always, type Check } from '../check.ts';
import { NotAsked, warning, well, wrong } from '../finding.ts';
import { existingFolder, withTrialFile } from '../trial-file.ts';

export const diskSync: Check = {
  about: 'disk sync',
  applies: always,
  async examine({ config }) {
    const folder = await existingFolder(config.data);
    let tookMs: readonly number[] = [];
    let failure: unknown;
    const measured = await withTrialFile(folder, async (file) => {
      try {
        tookMs = await syncs(
          (bytes, position) => file.write(bytes, 0, bytes.length, position),
          () => file.datasync(),
        );
      } catch (thrown) {
        failure = thrown;
      }
    }).catch(() => 'no file');
    if (failure !== undefined) {
      const mend =
        'Look at the kernel log (dmesg) and replace the disk: Spillway acknowledges nothing that is not synced.';
      return [wrong(`a sync in ${folder} failed: ${messageOf(failure)}`, mend)];
    }
    if (measured === 'no file') throw new NotAsked('not measured: nothing can be written there');
    const sorted = tookMs.toSorted((a, b) => a - b);
    const [median = 0, most = 0] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
    const found = `a synced write takes ${median.toFixed(1)} ms (median of ${sorted.length}), ${most.toFixed(1)} ms at the most`;
    if (median > DOCTOR_LIMITS.slowSyncMs) {
      const mend = 'Use a local SSD, better one with power-loss protection, or take other load off this disk.';
      return [warning(`${found}: every acknowledgement waits for one`, mend)];
    }
    return [well(found)];
  },
};

async function syncs(
  write: (bytes: Buffer, position: number) => Promise<unknown>,
  sync: () => Promise<void>,
): Promise<readonly number[]> {
  const bytes = Buffer.alloc(DOCTOR_LIMITS.syncBytes, 's');
  const tookMs: number[] = [];
  const beganMs = performance.now();
  while (tookMs.length < DOCTOR_LIMITS.syncs && performance.now() - beganMs < DOCTOR_LIMITS.syncsMs) {
    const startMs = performance.now();
    await write(bytes, tookMs.length * bytes.length);
    await sync();
    tookMs.push(performance.now() - startMs);
  }
  return tookMs;
}
