/** Whether what failed may work another time: it does not where the partition is somebody else's, or cannot be written any more. */
import { SpillwayError } from '../../lib/errors.ts';

export function isPassing(thrown: unknown): boolean {
  return !(thrown instanceof SpillwayError) || !['QUEUE_FENCED', 'QUEUE_PARTITION_STOPPED'].includes(thrown.code);
}
