import type { RecordsAnswer, TopicsAnswer } from '../api/schemas/index.ts';
import { DEAD_LETTER_KEY } from '../event/dead-letter.ts';
import { type Origin, printOrigin } from '../event/origin.ts';
import { TOPICS } from '../event/topics.ts';
import { QUEUE_READ_LIMITS } from '../lib/limits.ts';
import type { Client } from './client.ts';

export interface FoundLetter {
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
}

/** The dead letter of an origin, read from the topic's beginning: dead letters are few. */
export async function findDeadLetter(client: Client, origin: Origin): Promise<FoundLetter | undefined> {
  const { topics } = await client.json<TopicsAnswer>('/api/topics');
  const partitions = topics.find(({ topic }) => topic === TOPICS.deadLetter)?.partitions ?? [];
  for (const { partition, earliestOffset } of partitions) {
    const letter = await findIn(client, partition, earliestOffset, printOrigin(origin));
    if (letter !== undefined) return letter;
  }
  return undefined;
}

async function findIn(
  client: Client,
  partition: number,
  from: number,
  origin: string,
): Promise<FoundLetter | undefined> {
  let offset = from;
  for (;;) {
    const parameters = { partition, offset, limit: QUEUE_READ_LIMITS.records };
    const answer = await client.json<RecordsAnswer>(`/api/topics/${TOPICS.deadLetter}/records`, { parameters });
    for (const record of answer.records) {
      const why: unknown = JSON.parse(record.headers[DEAD_LETTER_KEY] ?? '{}');
      if (typeof why !== 'object' || why === null || !('origin' in why) || !('reason' in why)) continue;
      if (why.origin === origin) return { partition, offset: record.offset, reason: String(why.reason) };
    }
    if (answer.next >= answer.endOffset || answer.next <= offset) return undefined;
    offset = answer.next;
  }
}
