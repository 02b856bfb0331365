/** What a writer says when it cannot write. */
import { messageOf, SpillwayError } from '../../lib/errors.ts';
import { QUEUE_LIMITS } from '../../lib/limits.ts';
import type { TopicPartition } from '../port.ts';

export function partitionName(at: TopicPartition): string {
  return `partition ${at.partition} of '${at.topic}'`;
}

export function diskFull(path: string, cause: unknown): SpillwayError {
  return new SpillwayError('DISK_FULL', `${path} cannot grow: ${messageOf(cause)}. Free some space.`, {
    cause,
    retryAfterS: QUEUE_LIMITS.diskFullRetryS,
  });
}

export function stopped(at: TopicPartition, path: string, what: string, cause: unknown): SpillwayError {
  return new SpillwayError(
    'QUEUE_PARTITION_STOPPED',
    `${path} ${what} (${messageOf(cause)}): ${partitionName(at)} takes no more records, reading goes on. ` +
      'Check the disk, then restart.',
    { cause, details: { topic: at.topic, partition: at.partition } },
  );
}

export function fenced(at: TopicPartition, epoch: number): SpillwayError {
  return new SpillwayError('QUEUE_FENCED', `Another owner has taken over ${partitionName(at)}.`, {
    details: { epoch },
  });
}

export function overloaded(at: TopicPartition, pendingBytes: number): SpillwayError {
  return new SpillwayError('UNAVAILABLE', `${partitionName(at)} has ${pendingBytes} bytes waiting: send slower.`, {
    retryAfterS: 1,
  });
}

export function notABatch(at: TopicPartition, sizeBytes: number): SpillwayError {
  if (sizeBytes > QUEUE_LIMITS.batchBytes) {
    const { batchBytes } = QUEUE_LIMITS;
    return new SpillwayError(
      'MESSAGE_TOO_LARGE',
      `A batch of ${sizeBytes} bytes is above the limit of ${batchBytes}.`,
      {
        details: { sizeBytes, limit: batchBytes },
      },
    );
  }
  return new SpillwayError('INTERNAL', `What was appended to ${partitionName(at)} is not one record batch.`);
}
