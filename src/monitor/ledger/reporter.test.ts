import { expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { KAFKA_LIMITS, LEDGER_LIMITS } from '../../lib/limits.ts';
import { createLog } from '../../lib/log.ts';
import type { PartitionWriter } from '../../queue/port.ts';
import { Reporter } from './reporter.ts';
import { MemoryLog } from './testing/memory-log.ts';

const log = createLog('test', 'fatal');
const never = new Promise<never>(() => {});

/** A topic whose writer may be changed. */
function topicWith(change: (writer: PartitionWriter) => Partial<PartitionWriter>) {
  const topic = new MemoryLog();
  const openWriter = async () => {
    const writer = await topic.openWriter();
    return { ...writer, nextOffset: writer.nextOffset, ...change(writer) };
  };
  return { log: topic, openReader: () => topic.openReader(), openWriter, removeBefore: async () => {} };
}

test('says what was counted last before it ends, and closes its writer', async () => {
  let isClosed = false;
  const close = async () => {
    isClosed = true;
  };
  const topic = topicWith(() => ({ close }));
  const reporter = new Reporter(topic, systemClock, log);
  reporter.outbox.add('accepted/0', 0, 5, []);
  await reporter.close();
  expect([isClosed, topic.log.end]).toEqual([true, 1]);
});

test('ends in time where the queue takes nothing: neither the last report nor its writer is waited for longer', async () => {
  const reporter = new Reporter(
    topicWith(() => ({ append: () => never, close: () => never })),
    systemClock,
    log,
  );
  reporter.outbox.add('accepted/0', 0, 5, []);
  void reporter.publish();
  reporter.outbox.add('accepted/0', 5, 9, []);
  const beganMs = performance.now();
  await reporter.close();
  expect(performance.now() - beganMs).toBeLessThan(LEDGER_LIMITS.lastReportMs + KAFKA_LIMITS.closeMs);
});
