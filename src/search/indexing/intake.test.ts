import { expect, test, vi } from 'vitest';
import { sampleEvent } from '../../../test/support/sample-events.ts';
import { TOPICS } from '../../event/topics.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import { type LoggedLine, openTestLog, recordingLog } from '../../queue/segment-log/test-log.ts';
import { TestMember, values } from '../../queue/test-records.ts';
import { DocumentBlock } from '../opensearch/document-block.ts';
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
  const member = await TestMember.join(log.queue, 'store', [TOPICS.events]);
  await vi.waitFor(() => expect(member.keys).toEqual(['events/0']));
  const intake = new Intake(log.queue, member.held(at), 2, recordingLog(logged), (records) => lost.push(records));
  const builder = new BlockBuilder(
    new DocumentBlock({ origin: '', indexOf: () => 'slice', lacks: () => false }),
    DEFAULT_RETENTION,
  );
  expect(await intake.fill(builder)).toBe(true);
  expect(lost).toEqual([7]);
  expect(logged).toMatchObject([{ from: 2, to: 9, lost: 7 }]);
  expect(intake.nextOffset).toBe(10);
  expect(builder.rows).toBe(1);
  await intake.close();
  await member.leave();
  await log.close();
});
