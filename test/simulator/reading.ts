/** Reading as an actor does it, with every answer held against the model. */
import { type CorruptRange, offset, type PartitionReader, type TopicPartition } from '../../src/queue/port.ts';
import { attempt, Refusal } from './attempt.ts';
import type { FoundRecord } from './partition-model.ts';
import type { Process } from './process.ts';
import { recordsOf } from './values.ts';

export interface ReadOn {
  readonly found: readonly FoundRecord[];
  readonly corrupt: readonly CorruptRange[];
  readonly next: number;
  /** What was asked for is not retained any more. */
  readonly wasGone: boolean;
}

/** Reads on from there; where retention was faster, nothing, and `next` is the start. Undefined where reading failed. */
export async function readOn(
  process: Process,
  reader: PartitionReader,
  from: number,
  maxBytes: number,
): Promise<ReadOn | undefined> {
  const model = process.world.model.partition(reader);
  const read = await attempt(process, `read ${model.name} from ${from}`, async () => {
    const { batches, nextOffset, corrupt = [] } = await reader.read(offset(from), { maxBytes });
    const found = recordsOf(batches, from);
    process.world.check(() => model.read(from, found, corrupt, nextOffset));
    return { found, corrupt, next: nextOffset as number, wasGone: false };
  });
  if (!(read instanceof Refusal)) return read;
  const earliest = read.error?.details.earliest;
  if (read.code !== 'QUEUE_OFFSET_OUT_OF_RANGE' || typeof earliest !== 'number') return undefined;
  process.world.check(() => model.starts(earliest));
  return { found: [], corrupt: [], next: earliest, wasGone: true };
}

/** Waits until there is something past the offset, or for a while. */
export async function waitAWhile(process: Process, reader: PartitionReader, from: number): Promise<void> {
  const patience = new AbortController();
  const waiting = reader.waitFor(offset(from), patience.signal);
  const over = (async () => {
    for (let turns = 0; turns < 5; turns++) await process.turn();
  })().finally(() => patience.abort('waited'));
  await attempt(process, 'wait', async () => {
    await Promise.all([waiting, over]);
  });
}

export interface Everything {
  readonly earliest: number;
  readonly found: readonly FoundRecord[];
  readonly corrupt: readonly CorruptRange[];
}

/** Everything that is there, from its start; undefined where it could not be read. */
export async function readEverything(process: Process, at: TopicPartition): Promise<Everything | undefined> {
  const reader = process.queue.openReader(at);
  try {
    const started = await attempt(process, `look for the start of ${at.topic}`, () => reader.earliestOffset());
    if (started instanceof Refusal) return undefined;
    let earliest: number = started;
    const found: FoundRecord[] = [];
    const corrupt: CorruptRange[] = [];
    for (let next = earliest; ; ) {
      const read = await readOn(process, reader, next, 100_000);
      if (read === undefined) return undefined;
      if (read.wasGone) earliest = read.next;
      found.push(...read.found);
      corrupt.push(...read.corrupt);
      if (read.next === next) return { earliest, found, corrupt };
      next = read.next;
    }
  } finally {
    await attempt(process, 'close a reader', () => reader.close());
  }
}
