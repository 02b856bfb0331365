import { describe, expect, it } from 'vitest';
import { SpillwayError } from '../lib/errors.ts';
import { decodeProgress, encodeProgress, PROGRESS_KEY, type Progress, readProgress } from './progress.ts';
import { NO_HEADERS, RecordBatchBuilder, sealBatch } from './record-batch.ts';

const entry = { tenant: 'default', minute: 7, taken: 2, out: 1, dropped: { noise: 1 }, deadLettered: 0 };
const first: Progress = { version: 1, rawOffset: 5, receivedTo: 900, ledger: [entry], deadLetterOffset: 1 };
const second: Progress = { version: 1, rawOffset: 9, receivedTo: 800, ledger: [entry], deadLetterOffset: 2 };

function batchOf(...markers: readonly Progress[]): Buffer {
  const builder = new RecordBatchBuilder({ compression: 'zstd' });
  const value = Buffer.from('{"id":"x"}');
  builder.append(value, 0, value.length, 1, NO_HEADERS);
  for (const marker of markers) {
    const bytes = encodeProgress(marker);
    builder.append(bytes, 0, bytes.length, 1, NO_HEADERS, Buffer.from(PROGRESS_KEY));
  }
  const batch = builder.finish();
  sealBatch(batch, 0, 1, 0);
  return batch;
}

describe('a progress marker', () => {
  it('is read from its batch, and told from events', () => {
    expect(readProgress(batchOf(first))).toEqual(first);
    expect(readProgress(batchOf())).toBeUndefined();
  });

  it('folds with the others of a batch: the later position, the ledger of both', () => {
    expect(readProgress(batchOf(first, second))).toEqual({ ...second, receivedTo: 900, ledger: [entry, entry] });
  });

  it('says of lanes what the later one says', () => {
    const ahead = { rawOffset: 9, receivedTo: 950, lanes: [{ tenant: 'loud', rawOffset: 5, receivedTo: 900 }] };
    const laned: Progress = { ...first, version: 2, ahead };
    expect(readProgress(batchOf(first, laned))?.ahead).toEqual(ahead);
    expect(readProgress(batchOf(laned, second))?.ahead).toBeUndefined();
  });

  it('is refused where it is of another version', () => {
    const other = Buffer.from('{"version":3,"rawOffset":1,"ledger":[]}');
    expect(() => decodeProgress(other)).toThrow(SpillwayError);
  });
});
