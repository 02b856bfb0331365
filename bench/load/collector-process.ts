/**
 * The collector on a segmented log of its own, in a process of its own, as the collector role runs it: for benchmarks
 * of the collector alone. Talks over IPC: sends {ready, port}; answers 'count' with {records, bytes}, and 'stop' with
 * {commitsMs} (a sample of them) before it ends.
 *
 * Options: --directory D --partitions N [--retain-bytes N]: of all partitions together, looked after every second
 */
import { parseArgs } from 'node:util';
import { Registry } from 'prom-client';
import { createCollector } from '../../src/collect/collector.ts';
import { TOPICS } from '../../src/event/topics.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { nodeDisk } from '../../src/lib/disk.ts';
import { SUPERVISOR_LIMITS } from '../../src/lib/limits.ts';
import { createLog } from '../../src/lib/log.ts';
import type { PartitionWriter, Queue } from '../../src/queue/port.ts';
import { LocalCoordinator } from '../../src/queue/segment-log/coordinator.ts';
import { MarkBoard } from '../../src/queue/segment-log/marks.ts';
import { openSegmentLog } from '../../src/queue/segment-log/queue.ts';

export type CollectorAnswer =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'count'; readonly records: number }
  | { readonly kind: 'stopped'; readonly commitsMs: readonly number[]; readonly cpuS: number };

const MAX_COMMITS = 200_000;
const RETAIN_EVERY_MS = 1_000;

const { values } = parseArgs({
  options: {
    directory: { type: 'string', default: '' },
    partitions: { type: 'string', default: '4' },
    'retain-bytes': { type: 'string' },
  },
});
const log = createLog('bench', 'warn');
const retainBytes = values['retain-bytes'];
const retention = retainBytes === undefined ? {} : { retention: { maxBytes: Number(retainBytes) } };
const queue = openSegmentLog({
  directory: values.directory,
  topics: {
    [TOPICS.raw]: { partitions: Number(values.partitions), compression: 'none', ...retention },
    [TOPICS.deadLetter]: { partitions: 3, compression: 'none' },
  },
  coordinator: await LocalCoordinator.open({ directory: values.directory, disk: nodeDisk, log }),
  marks: new MarkBoard(),
  log,
});
const commitsMs: number[] = [];
let records = 0;
const collector = await createCollector({
  inputs: { syslog: [{ host: '127.0.0.1', port: 0, tenant: 'default', udp: false, tcp: true }] },
  queue: timed(queue),
  disk: { folder: values.directory, highWaterPercent: 100, minFreeBytes: 0 },
  authenticate: () => ({ tenant: 'default', scopes: new Set(['ingest']) }),
  site: 'local',
  clock: systemClock,
  log,
  registry: new Registry(),
  onAccepted: ({ counts }) => {
    for (const { count } of counts) records += count;
  },
});
setInterval(() => queue.heartbeat(), SUPERVISOR_LIMITS.heartbeatMs).unref();
setInterval(() => void queue.retain(), RETAIN_EVERY_MS).unref();
const [listening] = await collector.listen();
const answer = (message: CollectorAnswer): void => void process.send?.(message);
answer({ kind: 'ready', port: listening?.port ?? 0 });
process.on('message', (message) => {
  if (message === 'count') answer({ kind: 'count', records });
  if (message === 'stop') void stop();
});
process.on('disconnect', () => process.exit(1));

async function stop(): Promise<void> {
  await collector.close();
  await queue.close();
  const { user, system } = process.cpuUsage();
  process.send?.({ kind: 'stopped', commitsMs, cpuS: (user + system) / 1e6 } satisfies CollectorAnswer, () =>
    process.exit(0),
  );
}

/** The same queue, with a look at how long each append takes until it is durable. */
function timed(inner: Queue): Queue {
  return new Proxy(inner, {
    get(target, name) {
      if (name !== 'openWriter') return bound(target, name);
      return async (at: Parameters<Queue['openWriter']>[0]) => timedWriter(await target.openWriter(at));
    },
  });
}

function timedWriter(inner: PartitionWriter): PartitionWriter {
  return new Proxy(inner, {
    get(target, name) {
      if (name !== 'append') return bound(target, name);
      return async (batch: Buffer) => {
        const startMs = performance.now();
        const appended = await target.append(batch);
        if (commitsMs.length < MAX_COMMITS) commitsMs.push(performance.now() - startMs);
        return appended;
      };
    },
  });
}

function bound(target: object, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name, target);
  return typeof member === 'function' ? member.bind(target) : member;
}
