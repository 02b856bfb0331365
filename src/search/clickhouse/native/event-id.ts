/**
 * An event's id in the columns that it is stored in: the numbers of its origin, as differences to where its record stands
 * in the queue, or the halves of a UUID. It is read from its bytes: no text is made of it.
 */
import { isUuid, uuidHalves } from '../../ids.ts';
import type { EventColumns } from './event-columns.ts';
import type { JsonScanner } from './json-scanner.ts';

const DOT = 0x2e;

/** Reads the id that the scanner stands before. Throws EVENT_REFUSED. */
export function readId(scanner: JsonScanner, columns: EventColumns, queuePartition: number, queueOffset: number): void {
  if (!scanner.text()) throw scanner.fail('an id has no escapes');
  const { bytes, textStart, textEnd } = scanner;
  let at = textEnd - 1;
  const index = digitsBefore(bytes, textStart, at);
  at = index.at;
  const offset = digitsBefore(bytes, textStart, at);
  at = offset.at;
  const partition = digitsBefore(bytes, textStart, at);
  at = partition.at;
  const topicEnd = at + 1;
  while (at > textStart && bytes[at] !== DOT) at--;
  const well = index.ok && offset.ok && partition.ok && at > textStart && topicEnd > at + 1;
  if (!well || partition.value > 0xffff) {
    const id = bytes.toString('utf8', textStart, textEnd);
    if (!isUuid(id)) throw scanner.fail('the id is neither an origin nor a UUID');
    pushUuid(id, columns, queuePartition, queueOffset);
    return;
  }
  columns.id_site.pushBytes(bytes, textStart, at);
  columns.id_topic.pushBytes(bytes, at + 1, topicEnd);
  columns.id_shift.push(partition.value - queuePartition);
  columns.id_lag.push(queueOffset - offset.value);
  columns.id_index.push(index.value);
}

function pushUuid(id: string, columns: EventColumns, queuePartition: number, queueOffset: number): void {
  const [high, low] = uuidHalves(id);
  columns.id_site.pushEmpty();
  columns.id_topic.pushEmpty();
  columns.id_shift.push(-queuePartition);
  columns.id_lag.pushBig(BigInt(queueOffset) - high);
  columns.id_index.pushBig(low);
}

interface Digits {
  ok: boolean;
  value: number;
  at: number;
}

/** The number that ends at `last`, and the position before the dot in front of it. */
function digitsBefore(bytes: Buffer, first: number, last: number): Digits {
  let at = last;
  let value = 0;
  let scale = 1;
  let byte = bytes[at] ?? 0;
  while (at > first && byte >= 0x30 && byte <= 0x39) {
    value += (byte - 0x30) * scale;
    scale *= 10;
    byte = bytes[--at] ?? 0;
  }
  const ok =
    at < last && byte === DOT && value <= Number.MAX_SAFE_INTEGER && (last - at === 1 || bytes[at + 1] !== 0x30);
  return { ok, value, at: at - 1 };
}
