/** Records whose value says all that the model must know, and reading them back. */

import { encodeProgress, PROGRESS_KEY } from '../../src/event/progress.ts';
import { RecordCursor } from '../../src/event/record-batch.ts';
import type { StoredBatch } from '../../src/queue/port.ts';
import type { TestRecord } from '../../src/queue/test-records.ts';
import type { FoundRecord } from './partition-model.ts';

const LONG = '.'.repeat(4_096);

/** A text that nothing else is, of about so many bytes. */
export function rawValue(source: number, number: number, who: string, sizeBytes: number): string {
  return `${source} ${number} ${who} ${LONG.slice(0, sizeBytes)}`;
}

/** Of a value of raw. */
export function sourceOf(text: string): { readonly source: number; readonly number: number } {
  const [source, number] = text.split(' ', 2);
  return { source: Number(source), number: Number(number) };
}

export function eventRecord(raw: FoundRecord, timestampMs: number): TestRecord {
  return { value: `${raw.offset}=${raw.value}`, timestampMs };
}

export function progressRecord(rawOffset: number, timestampMs: number): TestRecord {
  const value = encodeProgress({ version: 1, rawOffset, receivedTo: 0, ledger: [] }).toString();
  return { value, timestampMs, key: PROGRESS_KEY };
}

/** Of `events`: an event with its origin, or the position in raw that a marker states. */
export function parseValue(value: string): { origin: number; text: string; progress?: number } {
  const marker = /^\{"version":1,"rawOffset":(\d+)/.exec(value);
  if (marker !== null) return { origin: -1, text: '', progress: Number(marker[1]) };
  const equals = value.indexOf('=');
  return { origin: Number(value.slice(0, equals)), text: value.slice(equals + 1) };
}

/** All records of the batches at or after the offset. */
export function recordsOf(batches: readonly StoredBatch[], from: number): FoundRecord[] {
  const found: FoundRecord[] = [];
  for (const { bytes } of batches) {
    const cursor = new RecordCursor(bytes);
    while (cursor.next()) {
      if (cursor.offset < from) continue;
      found.push({ offset: cursor.offset, value: cursor.value().toString('latin1'), epoch: cursor.header.epoch });
    }
  }
  return found;
}
