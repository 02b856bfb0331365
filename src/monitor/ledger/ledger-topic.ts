/** The topic in which process trees tell each other what they have counted. Any number of them write to it. */
import { RecordBatchBuilder } from '../../event/record-batch.ts';
import type { PartitionReader, PartitionWriter, TopicPartition } from '../../queue/port.ts';
import type { LedgerRecord } from './report.ts';

export interface LedgerTopic {
  openReader(): PartitionReader;
  openWriter(): Promise<PartitionWriter>;
  /** Removes the records before the offset, which are needed no more. */
  removeBefore(position: number): Promise<void>;
}

/** How far the logs that are counted go, asked of all of them at once: it is asked every second. */
export interface LogEnds {
  /** Where each of them ends; undefined where nobody says it. */
  ends(places: readonly TopicPartition[]): Promise<readonly (number | undefined)[]>;
  /** Up to where the group has committed these partitions of the topic, without those of which it has nothing. Throws where nobody says it. */
  committed(group: string, topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
}

/** As few batches as they fit into. */
export function encodeRecords(records: readonly LedgerRecord[], nowMs: number): Buffer[] {
  const batches: Buffer[] = [];
  const builder = new RecordBatchBuilder({ compression: 'zstd' });
  for (const record of records) {
    const value = Buffer.from(JSON.stringify(record));
    if (builder.append(value, 0, value.length, nowMs)) continue;
    batches.push(builder.finish());
    builder.append(value, 0, value.length, nowMs);
  }
  if (builder.recordCount > 0) batches.push(builder.finish());
  return batches;
}
