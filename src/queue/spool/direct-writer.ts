/** What a spool asks of the writer that it stands in front of. */
import type { SpillwayError } from '../../lib/errors.ts';
import type { PartitionWriter } from '../port.ts';
import type { ProducerMark } from '../producer-mark.ts';

/** The queue's own writer. */
export interface DirectWriter extends PartitionWriter {
  /** For how long what waits has not moved on; 0 where nothing waits. */
  readonly troubledForMs: number;
  /** Why it never takes anything any more. */
  readonly failure?: SpillwayError | undefined;
  /** Of one whose queue was away at first: resolves when it takes what is appended, or never will. */
  readonly opened?: Promise<void>;
  /** It takes nothing before others have moved sources. */
  readonly isHeld?: boolean;
  /** Why it takes nothing now, for people. */
  readonly waitsFor?: string | undefined;
  /** Where it stands in the sequences of its producer; undefined where no other process can go on there. */
  readonly mark?: ProducerMark | undefined;
  /**
   * Before anything is appended: goes on from there, and says how many records from there on the queue has; undefined where
   * that cannot be, and it goes on as it was opened.
   */
  goOnFrom?(mark: ProducerMark): Promise<number | undefined>;
  /** While nothing is under way: what is appended from now on has sequences of its own again. */
  beginAnew?(): Promise<void>;
}
