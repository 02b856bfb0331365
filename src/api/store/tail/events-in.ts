/** The events of a batch of the topic `events`. */

import type { StoredEvent } from '../../../event/event.ts';
import { PROGRESS_KEY } from '../../../event/progress.ts';
import { RecordCursor } from '../../../event/record-batch.ts';
import type { StoredBatch } from '../../../queue/port.ts';

const ID = Buffer.from('{"id":"');
const TENANT = Buffer.from('","tenant":"');
const QUOTE = 0x22;

/** Events from offset `from` on of tenants that are wanted; those of others are not parsed. */
export function* eventsIn(
  batch: StoredBatch,
  from: number,
  isWanted: (tenant: string) => boolean,
): Generator<StoredEvent> {
  const cursor = new RecordCursor(batch.bytes);
  while (cursor.next()) {
    if (cursor.offset < from || cursor.key()?.toString('latin1') === PROGRESS_KEY) continue;
    const value = cursor.value();
    const tenant = writtenTenant(value);
    if (tenant !== undefined && !isWanted(tenant)) continue;
    const event = parsed(value);
    if (event !== undefined && isWanted(event.tenant)) yield event;
  }
}

/** The tenant without parsing the rest: members stand in the order of `StoredEvent`. Undefined where they do not. */
function writtenTenant(value: Buffer): string | undefined {
  if (value.compare(ID, 0, ID.length, 0, ID.length) !== 0) return undefined;
  const idEnd = value.indexOf(QUOTE, ID.length);
  const start = idEnd + TENANT.length;
  if (idEnd < 0 || value.compare(TENANT, 0, TENANT.length, idEnd, start) !== 0) return undefined;
  return value.toString('utf8', start, value.indexOf(QUOTE, start));
}

function parsed(value: Buffer): StoredEvent | undefined {
  try {
    return JSON.parse(value.toString('utf8'));
  } catch {
    return undefined;
  }
}
