/** What people and monitors are told about topics and groups, made from marks and committed offsets. */
import { RecordCursor } from '../../event/record-batch.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { type GroupState, offset, type Queue, type TopicPartition, type TopicState } from '../port.ts';
import type { GroupPosition } from './coordinator.ts';
import type { Mark } from './marks.ts';

export function topicStates(marks: readonly Mark[]): TopicState[] {
  return [...Map.groupBy(marks, (mark) => mark.topic)]
    .map(([topic, known]) => ({
      topic,
      partitions: known
        .map(({ partition, earliestOffset, endOffset, bytes, segments, oldestMs }) => ({
          partition,
          earliestOffset,
          endOffset,
          bytes,
          segments,
          ...(oldestMs === undefined ? {} : { oldestMs }),
        }))
        .sort((a, b) => a.partition - b.partition),
    }))
    .sort((a, b) => (a.topic < b.topic ? -1 : 1));
}

export interface GroupQuestion {
  readonly queue: Pick<Queue, 'openReader'>;
  readonly positions: readonly GroupPosition[];
  readonly endOffset: (at: TopicPartition) => number | undefined;
  readonly nowMs: number;
}

export async function groupStates(question: GroupQuestion): Promise<GroupState[]> {
  const states = [...Map.groupBy(question.positions, (position) => position.group)].map(async ([group, known]) => ({
    group,
    members: known[0]?.members ?? 0,
    partitions: await Promise.all(known.map((position) => lagOf(question, position))),
  }));
  return Promise.all(states);
}

async function lagOf(question: GroupQuestion, at: GroupPosition): Promise<GroupState['partitions'][number]> {
  const { topic, partition, generation, member, offset: committed } = at;
  const endOffset = Math.max(committed, question.endOffset(at) ?? committed);
  const lag = endOffset - committed;
  const firstMs = lag === 0 ? undefined : await timestampAt(question.queue, at);
  const lagMs = firstMs === undefined ? 0 : Math.max(0, question.nowMs - firstMs);
  return {
    topic,
    partition,
    generation,
    ...(member === undefined ? {} : { member }),
    committed,
    endOffset,
    lag,
    lagMs,
  };
}

/** The timestamp of the first record at or after the committed offset; undefined where it cannot be read. */
async function timestampAt(queue: Pick<Queue, 'openReader'>, at: GroupPosition): Promise<number | undefined> {
  const reader = queue.openReader(at);
  try {
    const { batches } = await reader.read(offset(at.offset), { maxBytes: 1 });
    for (const { bytes } of batches) {
      const record = new RecordCursor(bytes);
      while (record.next()) if (record.offset >= at.offset) return record.timestampMs;
    }
    return undefined;
  } catch (error) {
    // Retained no more, or damaged: the lag in records still says that something is behind.
    if (error instanceof SpillwayError) return undefined;
    throw error;
  } finally {
    await reader.close();
  }
}
