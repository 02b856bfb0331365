/** What this disk gives, bare: 1 MiB written and fdatasynced, again and again, in files as large as segments. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QUEUE_LIMITS } from '../../src/lib/limits.ts';

const MIB = 1024 * 1024;
const FILE_MIB = QUEUE_LIMITS.segmentBytes / MIB;
/** So many of the newest stay, as under retention. */
const KEPT_FILES = 16;

/** Bytes a second over so many MiB. */
export async function bareDisk(mebibytes: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-bench-'));
  const block = Buffer.alloc(MIB, 'a line of a log, much like every other one\n');
  try {
    const startMs = performance.now();
    for (let done = 0; done < mebibytes; done += FILE_MIB) {
      const number = done / FILE_MIB;
      const file = await open(join(folder, `bare-${number}`), 'w');
      for (let i = done; i < Math.min(done + FILE_MIB, mebibytes); i++) {
        await file.write(block);
        await file.datasync();
      }
      await file.close();
      await rm(join(folder, `bare-${number - KEPT_FILES}`), { force: true });
    }
    return (mebibytes * MIB) / ((performance.now() - startMs) / 1_000);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
