/** The dead letters that a store of a test has written of its partition 0. */
import { DEAD_LETTER_KEY, deadLetterPartition, decodeDeadLetterReason } from '../../event/dead-letter.ts';
import { RecordCursor } from '../../event/record-batch.ts';
import { TOPICS } from '../../event/topics.ts';
import { offset } from '../../queue/port.ts';
import type { SearchEngine } from '../port.ts';
import type { StoreKit } from './store-kit.ts';

export interface Letter {
  readonly origin: string;
  readonly value: string;
  readonly reason: string;
}

export async function lettersOf({ queue }: StoreKit<SearchEngine>): Promise<readonly Letter[]> {
  const found: Letter[] = [];
  const reader = queue.openReader({ topic: TOPICS.deadLetter, partition: deadLetterPartition.storing(0) });
  const end = await reader.endOffset();
  for (let next = 0; next < end; ) {
    const { batches, nextOffset } = await reader.read(offset(next));
    for (const { bytes } of batches) {
      const cursor = new RecordCursor(bytes);
      while (cursor.next()) {
        const { origin, reason } = decodeDeadLetterReason(cursor.headerValue(DEAD_LETTER_KEY) ?? Buffer.alloc(0));
        found.push({ origin, value: cursor.value().toString(), reason });
      }
    }
    next = nextOffset;
  }
  await reader.close();
  return found;
}
