/**
 * Where a store goes on that has its index alone, and of whose partition the group has forgotten what was committed:
 * the coordinator's file was lost, or Kafka has forgotten a group that was away for long. After the last row that is in the
 * index, since everything before it was inserted before; from the beginning each event would be found twice.
 */
import { RecordCursor } from '../../event/record-batch.ts';
import { TOPICS } from '../../event/topics.ts';
import type { Logger } from '../../lib/log.ts';
import { type AssignedPartition, offset, type PartitionReader, type Queue } from '../../queue/port.ts';
import type { SearchWriter } from '../port.ts';

export interface RecallParts {
  readonly queue: Queue;
  readonly writer: SearchWriter;
  readonly log: Logger;
}

/** Call it after an open intent is recovered: that commits what it finishes. */
export async function recallPlace({ queue, writer, log }: RecallParts, assigned: AssignedPartition): Promise<number> {
  const { partition } = assigned;
  const row = await writer.lastRow?.(partition);
  if (row === undefined) return 0;
  const reader = queue.openReader({ topic: TOPICS.events, partition });
  try {
    // Of another queue, such as one whose folder was lost, offsets say nothing about this one.
    if ((await receivedAt(reader, row.offset)) !== row.receivedMs) return 0;
  } finally {
    await reader.close();
  }
  const next = row.offset + 1;
  await assigned.commit(offset(next));
  log.warn(
    { partition, next },
    'What was committed of a partition was forgotten: going on after its last event in the index',
  );
  return next;
}

/** Receipt of the event at that offset; undefined where none is there, or no more. */
async function receivedAt(reader: PartitionReader, at: number): Promise<number | undefined> {
  if (at < (await reader.earliestOffset()) || at >= (await reader.endOffset())) return undefined;
  const { batches } = await reader.read(offset(at), { maxBytes: 1 });
  for (const { bytes } of batches) {
    const cursor = new RecordCursor(bytes);
    while (cursor.next()) if (cursor.offset === at) return receivedOf(cursor.value());
  }
  return undefined;
}

function receivedOf(value: Buffer): number | undefined {
  try {
    const { received } = JSON.parse(value.toString('utf8'));
    return typeof received === 'number' ? received : undefined;
  } catch {
    return undefined;
  }
}
