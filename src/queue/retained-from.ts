/** What an error of a read says of what is not there any more. */
import { SpillwayError } from '../lib/errors.ts';
import { type Offset, offset } from './port.ts';

/** Where the partition begins now, where what was read from `from` on is not retained any more. Throws any other error. */
export function retainedFrom(thrown: unknown, from: number): Offset {
  if (!(thrown instanceof SpillwayError) || thrown.code !== 'QUEUE_OFFSET_OUT_OF_RANGE') throw thrown;
  const earliest = Number(thrown.details.earliest);
  if (!(earliest > from)) throw thrown;
  return offset(earliest);
}
