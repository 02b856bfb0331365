import { SpillwayError } from '../lib/errors.ts';

/** Whether somebody else has what it was about: another owner, or the group without this member. */
export function isFenced(thrown: unknown): boolean {
  return thrown instanceof SpillwayError && thrown.code === 'QUEUE_FENCED';
}
