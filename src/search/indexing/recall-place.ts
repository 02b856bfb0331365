/**
 * Where a store goes on that has its index alone, and of whose partition the group has forgotten what was committed:
 * the coordinator's file was lost, or Kafka has forgotten a group that was away for long. After the last row that is in the
 * index, since everything before it was inserted before; from the beginning each event would be found twice. Where nothing
 * tells, and where stores share the index and look into it themselves: at the oldest record, since what is not there any
 * more had been committed, or retention would have kept it.
 */
import { RecordCursor } from '../../event/record-batch.ts';
import { TOPICS } from '../../event/topics.ts';
import type { Logger } from '../../lib/log.ts';
import { type AssignedPartition, offset, type PartitionReader, type Queue } from '../../queue/port.ts';
import type { SearchWriter, StoredRow } from '../port.ts';

export interface RecallParts {
  readonly queue: Queue;
  readonly writer: SearchWriter;
  readonly log: Logger;
}

/** Call it after an open intent is recovered: that commits what it finishes. */
export async function recallPlace({ queue, writer, log }: RecallParts, assigned: AssignedPartition): Promise<number> {
  const { partition } = assigned;
  const reader = queue.openReader({ topic: TOPICS.events, partition });
  let next: number;
  try {
    const earliest = await reader.earliestOffset();
    const row = await writer.lastRow?.(partition);
    // Of another queue, such as one whose folder was lost, offsets say nothing about this one.
    if (row === undefined || (row.offset >= earliest && !(await mayHold(reader, row)))) return earliest;
    next = Math.max(row.offset + 1, earliest);
  } finally {
    await reader.close();
  }
  await assigned.commit(offset(next));
  log.warn(
    { partition, next },
    'What was committed of a partition was forgotten: going on after its last event in the index',
  );
  return next;
}

/** Whether the row's event is there, or cannot be read any more; false where another one is, or none yet. */
async function mayHold(reader: PartitionReader, { offset: at, receivedMs }: StoredRow): Promise<boolean> {
  if (at >= (await reader.endOffset())) return false;
  const { batches, corrupt = [] } = await reader.read(offset(at), { maxBytes: 1 });
  if (corrupt.some(({ fromOffset, nextOffset }) => fromOffset <= at && at < nextOffset)) return true;
  for (const { bytes } of batches) {
    const cursor = new RecordCursor(bytes);
    while (cursor.next()) if (cursor.offset === at) return receivedOf(cursor.value()) === receivedMs;
  }
  return false;
}

function receivedOf(value: Buffer): number | undefined {
  try {
    const { received } = JSON.parse(value.toString('utf8'));
    return typeof received === 'number' ? received : undefined;
  } catch {
    return undefined;
  }
}
