import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeDisk } from '../../lib/disk.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { queueContract } from '../port.contract.ts';
import { openTestLog } from './test-log.ts';

queueContract('the segment log on a real disk', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'spillway-queue-'));
  const log = await openTestLog({ directory, disk: nodeDisk });
  return {
    ...log,
    cleanUp: async () => {
      await log.close();
      await rm(directory, { recursive: true });
    },
  };
});

queueContract('the segment log with a segment per group', async () => {
  const log = await openTestLog({ disk: new MemoryDisk(), segmentBytes: 1 });
  return { ...log, cleanUp: () => log.close() };
});
