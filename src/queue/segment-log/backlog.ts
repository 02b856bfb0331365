/** What the groups of a queue that nobody runs have not read yet. Changes nothing in the folder. */
import { join } from 'node:path';
import type { Disk } from '../../lib/disk.ts';
import { listOrNone, readWhole } from '../../lib/disk-files.ts';
import type { TopicPartition } from '../port.ts';
import { emptyState, parseState } from './coordinator-state.ts';
import { MarkBoard } from './marks.ts';
import {
  COORDINATOR_FILE,
  COORDINATOR_FOLDER,
  FORMAT_FILE,
  parsePartitionFolder,
  partitionFolder,
  partitionKey,
} from './names.ts';
import { PartitionView } from './partition-view.ts';

export interface Unread extends TopicPartition {
  readonly group: string;
  readonly records: number;
}

/** Whether there is an embedded queue in the folder. */
export async function isSegmentLog(disk: Disk, directory: string): Promise<boolean> {
  return (await readWhole(disk, join(directory, FORMAT_FILE))) !== undefined;
}

/**
 * `readers`: which group reads which topic. Partitions of which a group has read everything are left out. Throws
 * QUEUE_CORRUPT where the coordinator's file is damaged.
 */
export async function readBacklog(
  disk: Disk,
  directory: string,
  readers: readonly { readonly group: string; readonly topic: string }[],
): Promise<Unread[]> {
  const path = join(directory, COORDINATOR_FOLDER, COORDINATOR_FILE);
  const bytes = await readWhole(disk, path);
  const state = bytes === undefined ? emptyState() : parseState(bytes, path);
  const unread: Unread[] = [];
  for (const { group, topic } of readers) {
    for (const name of await listOrNone(disk, join(directory, topic))) {
      const partition = parsePartitionFolder(name);
      if (partition === undefined) continue;
      const at = { topic, partition };
      const view = new PartitionView({
        at,
        folder: partitionFolder(directory, at),
        disk,
        marks: new MarkBoard(),
        offline: true,
      });
      const { earliest, end } = await view.range();
      const committed = state.groups[group]?.partitions[partitionKey(at)]?.committed ?? 0;
      const records = end - Math.max(earliest, committed);
      if (records > 0) unread.push({ group, ...at, records });
    }
  }
  return unread.sort((a, b) => a.group.localeCompare(b.group) || a.partition - b.partition);
}
