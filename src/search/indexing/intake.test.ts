import { expect, test } from 'vitest';
import { sampleEvent } from '../../../test/support/sample-events.ts';
import { TOPICS } from '../../event/topics.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { type AssignedPartition, offset } from '../../queue/port.ts';
import { type LoggedLine, openTestLog, recordingLog } from '../../queue/segment-log/test-log.ts';
import { values } from '../../queue/test-records.ts';
import { DEFAULT_RETENTION } from '../slices.ts';
import { BlockBuilder } from './block-builder.ts';
import { Intake } from './intake.ts';

test('events that were removed before the store had read them are counted and logged, and the rest is taken', async () => {
  const at = { topic: TOPICS.events, partition: 0 };
  const topics = { [TOPICS.events]: { partitions: 1, compression: 'none', retention: { maxBytes: 1 } } } as const;
  const log = await openTestLog({ disk: new MemoryDisk(), topics, segmentBytes: 1 });
  const writer = await log.queue.openWriter(at);
  for (let i = 0; i < 10; i++) await writer.append(values(JSON.stringify(sampleEvent(i, { timestamp: 1_000 + i }))));
  await log.queue.retain();
  const logged: LoggedLine[] = [];
  const lost: number[] = [];
  const assigned: AssignedPartition = {
    ...at,
    group: 'store',
    generation: 1,
    revoked: new AbortController().signal,
    isLost: false,
    committed: async () => offset(2),
    commit: async () => {},
    release: async () => {},
  };
  const intake = new Intake(log.queue, assigned, 2, recordingLog(logged), (records) => lost.push(records));
  const builder = new BlockBuilder(DEFAULT_RETENTION);
  expect(await intake.fill(builder)).toBe(true);
  expect(lost).toEqual([7]);
  expect(logged).toMatchObject([{ from: 2, to: 9, lost: 7 }]);
  expect(intake.nextOffset).toBe(10);
  expect(builder.rows).toBe(1);
  await intake.close();
  await log.close();
});
