import { expect, test, vi } from 'vitest';
import { sampleEvent } from '../../../test/support/sample-events.ts';
import { TOPICS } from '../../event/topics.ts';
import { SpillwayError } from '../../lib/errors.ts';
import { MemoryDisk } from '../../lib/memory-disk.ts';
import type { AssignedPartition, Queue } from '../../queue/port.ts';
import { type LoggedLine, openTestLog, recordingLog } from '../../queue/segment-log/test-log.ts';
import { TestMember, values } from '../../queue/test-records.ts';
import { DocumentBlock } from '../opensearch/document-block.ts';
import { sharedPolicy } from '../policy/slice-policy.ts';
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
  const block = new DocumentBlock({ origin: '', indexOf: () => 'slice', lacks: () => false });
  const builder = new BlockBuilder(block, () => sharedPolicy(DEFAULT_RETENTION));
  expect(await intake.fill(builder)).toBe(true);
  expect(lost).toEqual([7]);
  expect(logged).toMatchObject([{ from: 2, to: 9, lost: 7 }]);
  expect(intake.nextOffset).toBe(10);
  expect(builder.rows).toBe(1);
  await intake.close();
  await member.leave();
  await log.close();
});

test('of a partition that does not answer nobody waits for long, and what it answers at last is taken', async () => {
  const bytes = values(JSON.stringify(sampleEvent(0, { timestamp: 1_000 })));
  const answers: PromiseWithResolvers<object>[] = [];
  const reader = {
    read: () => {
      const answer = Promise.withResolvers<object>();
      answers.push(answer);
      return answer.promise;
    },
    waitFor: () => new Promise(() => {}),
    close: async () => {},
  };
  const queue = { openReader: () => reader } as unknown as Queue;
  const assigned = { partition: 0 } as unknown as AssignedPartition;
  const intake = new Intake(queue, assigned, 0, recordingLog([]), () => {});
  const block = new DocumentBlock({ origin: '', indexOf: () => 'slice', lacks: () => false });
  const builder = new BlockBuilder(block, () => sharedPolicy(DEFAULT_RETENTION));
  const { signal } = new AbortController();
  // Asked again and again it is waited for once, and it is asked once.
  for (let i = 0; i < 50; i++) expect(await intake.fill(builder)).toBe(false);
  expect(answers).toHaveLength(1);
  const news = intake.wait(signal);
  answers[0]?.resolve({ batches: [{ bytes }], nextOffset: 1 });
  await news;
  expect(await intake.fill(builder)).toBe(true);
  expect(builder.rows).toBe(1);
  // As of a partition whose leader is away.
  answers.at(-1)?.reject(new SpillwayError('QUEUE_UNREACHABLE', 'no broker answers'));
  await intake.wait(signal);
  // Anything else ends the store, as if it had been waited for.
  await vi.waitFor(async () => {
    await intake.fill(builder);
    expect(answers.length).toBeGreaterThan(2);
  });
  answers.at(-1)?.reject(new Error('broken'));
  await intake.wait(signal);
  await expect(intake.fill(builder)).rejects.toThrow('broken');
  await intake.close();
});
