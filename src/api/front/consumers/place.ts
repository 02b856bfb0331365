/**
 * Where a consumer has come to, as a text that it is given and gives back: the next offset of each partition that it was
 * given records of, with the generation of the assignment. So the server need not remember what it has handed out: an
 * answer that got lost is asked for again, and a place of an earlier assignment is nobody's any more.
 */
import { SpillwayError } from '../../../lib/errors.ts';
import type { TopicPartition } from '../../../queue/port.ts';

export interface Position extends TopicPartition {
  /** As its tenant calls it. */
  readonly topic: string;
  readonly offset: number;
  /** Undefined: of whatever assignment there is now. */
  readonly generation?: number;
}

export function printPlace(positions: readonly Position[]): string {
  const rows = positions.map(({ topic, partition, generation = 0, offset }) => [topic, partition, generation, offset]);
  return Buffer.from(JSON.stringify(rows)).toString('base64url');
}

/** Throws CURSOR_INVALID. */
export function parsePlace(text: string): Position[] {
  try {
    const rows: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (Array.isArray(rows)) return rows.map(positionOf);
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
  }
  throw invalid();
}

function positionOf(row: unknown): Position {
  if (!Array.isArray(row)) throw invalid();
  const [topic, partition, generation, offset]: unknown[] = row;
  if (typeof topic !== 'string' || !isCount(partition) || !isCount(generation) || !isCount(offset)) throw invalid();
  return { topic, partition, generation, offset };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

const invalid = (): SpillwayError =>
  new SpillwayError(
    'CURSOR_INVALID',
    'This is not the `next` of an answer to a consumer; leave it out to read what is committed on.',
  );
