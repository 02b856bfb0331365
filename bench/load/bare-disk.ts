/** What this disk gives, bare: 1 MiB written and fdatasynced, again and again. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MIB = 1024 * 1024;

/** Bytes a second over so many MiB. */
export async function bareDisk(mebibytes: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-bench-'));
  const file = await open(join(folder, 'bare'), 'w');
  const block = Buffer.alloc(MIB, 'a line of a log, much like every other one\n');
  try {
    const startMs = performance.now();
    for (let i = 0; i < mebibytes; i++) {
      await file.write(block);
      await file.datasync();
    }
    return (mebibytes * MIB) / ((performance.now() - startMs) / 1_000);
  } finally {
    await file.close();
    await rm(folder, { recursive: true, force: true });
  }
}
