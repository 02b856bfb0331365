/**
 * The collector: every input, and nothing that could hurt one. It frames, stamps and appends; what a record means is
 * the processor's. An answer over HTTP means durable; syslog has no answer, but is read no faster than the disk takes.
 */
import type { FastifyPluginAsync } from 'fastify';
import type { Registry } from 'prom-client';
import { deadLetterPartition } from '../event/dead-letter.ts';
import { TOPICS } from '../event/topics.ts';
import type { Clock } from '../lib/clock.ts';
import { type AskSpace, type DiskSpace, nodeSpace } from '../lib/disk-space.ts';
import { COLLECT_LIMITS, type CollectLimits } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { TopicAdmin } from '../queue/created/topic-admin.ts';
import type { PartitionWriter, Queue } from '../queue/port.ts';
import { DeadLetters } from './dead-letters.ts';
import { Growth } from './growth.ts';
import { HighWater, type HighWaterMarks } from './high-water.ts';
import { inTime, KEYS_UNKNOWN } from './in-time.ts';
import { IdempotencyKeys } from './inputs/http/idempotency.ts';
import { type Authenticate, HttpInput } from './inputs/http/plugin.ts';
import type { Listening, ListeningInput } from './inputs/input.ts';
import { SyslogTcpInput } from './inputs/syslog/tcp.ts';
import { SyslogUdpInput } from './inputs/syslog/udp.ts';
import { UnfinishedBudget } from './inputs/syslog/unfinished.ts';
import { KeyMemory, logNameOf } from './key-memory.ts';
import { Lane } from './lane.ts';
import { LettersElsewhere } from './letters-elsewhere.ts';
import { type CollectMetrics, createCollectMetrics } from './metrics.ts';
import { type InputContext, type Outlet, RawOutlets } from './outlets.ts';
import type { DurableBatch } from './tally.ts';
import { openTopics, type Topics } from './topics/topics.ts';

export interface SyslogInputConfig {
  readonly host: string;
  readonly port: number;
  readonly tenant: string;
  readonly udp: boolean;
  readonly tcp: boolean;
}

export interface CollectorOptions {
  readonly inputs: { readonly syslog: readonly SyslogInputConfig[] };
  readonly queue: Queue;
  /** Who sends this request; throws where nobody may. */
  readonly authenticate: Authenticate;
  readonly site: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  /** Where to note Idempotency-Keys, so that a start need not read a day of the log for them. */
  readonly keysFile?: string;
  /** Where topics of users are created; without it there are none. */
  readonly topicAdmin?: TopicAdmin;
  /** As `keysFile`, of what is produced to them. */
  readonly topicKeysFile?: string;
  /** The queue's folder, and from where on its disk is too full for inputs. */
  readonly disk: HighWaterMarks & { readonly folder: string; readonly ask?: AskSpace };
  /** Lowered in tests. */
  readonly limits?: CollectLimits;
  /** A partition of `raw` is this collector's: told before anything is written to it. */
  readonly onOpened?: (partition: number) => void;
  /** Records that are durable in `raw`. */
  readonly onAccepted: (batch: DurableBatch) => void;
  /** The collector's own dead letters that are durable: accepted and dead-lettered at once. */
  readonly onDeadLettered?: (batch: DurableBatch) => void;
}

export interface Collector {
  /** Throws LISTEN_FAILED. */
  listen(): Promise<readonly Listening[]>;
  /** Registers `POST /api/logs`; may be used before and after `listen()`. */
  readonly httpPlugin: FastifyPluginAsync;
  /** Those that users create. */
  readonly topics: Topics | undefined;
  /** Whoever waits for an answer is refused from now on, and may send again elsewhere; no partitions are added. Then `close()`. */
  refuseRequests(): void;
  /** What it cannot do now, for people, without paths; empty where all is well. */
  troubles(): readonly string[];
  /** Of the queue's disk, as it was asked last. */
  readonly space: DiskSpace | undefined;
  /** Takes nothing new, finishes what was received, makes it durable and closes the writers. Again is the same. */
  close(): Promise<void>;
}

/** Takes over all partitions of `raw` and the collector's dead letters. */
export async function createCollector(options: CollectorOptions): Promise<Collector> {
  const { queue, clock, log, limits = COLLECT_LIMITS } = options;
  const metrics = createCollectMetrics(options.registry);
  const partitions = Array.from({ length: queue.partitionCount(TOPICS.raw) }, (_, partition) => partition);
  queue.mapsTo?.(TOPICS.raw, partitions.length);
  const writers: PartitionWriter[] = [];
  const deadWriter = await queue.openWriter({
    topic: TOPICS.deadLetter,
    partition: deadLetterPartition.collectors,
  });
  const elsewhere = new LettersElsewhere({
    queue,
    writer: deadWriter,
    clock,
    ttlMs: limits.idempotencyTtlMs,
    log,
  });
  const onDeadLettered = (batch: DurableBatch): void => {
    elsewhere.appended(batch.appended);
    options.onDeadLettered?.(batch);
  };
  /** Where each log durably ends. */
  const ends: Record<string, number> = {};
  const openRaw = async (partition: number): Promise<Outlet> => {
    const writer = await queue.openWriter({ topic: TOPICS.raw, partition });
    writers.push(writer);
    options.onOpened?.(partition);
    return openOutlet(writer, options, metrics, ends);
  };
  const { firstPartitions } = queue.layout(TOPICS.raw);
  const outlets = {
    raw: new RawOutlets(await Promise.all(partitions.map(openRaw)), firstPartitions),
    dead: openOutlet(deadWriter, { ...options, onDeadLettered }, metrics, ends),
    deadLetters: new DeadLetters({
      site: options.site,
      partition: deadWriter.partition,
      clock,
      onLetter: (input, code) => metrics.deadLetters.labels(input, code).inc(),
      onDiscarded: (bytes) => metrics.discardedBytes.inc(bytes),
    }),
  };
  const { ask = nodeSpace, ...marks } = options.disk;
  const highWater = new HighWater({ ...marks, ask, limits, log, registry: options.registry });
  await highWater.start();
  const context: InputContext = { outlets, highWater, metrics, clock, limits, log };
  const growth = new Growth({
    queue,
    raw: outlets.raw,
    open: openRaw,
    endOf: (partition) => ends[logNameOf({ topic: TOPICS.raw, partition })] ?? 0,
    log,
    retryMs: limits.retryMs,
  });
  const keys = new IdempotencyKeys(clock, limits, () => ({ ...ends }));
  const memory = new KeyMemory({
    keys,
    queue,
    writers: [...writers, deadWriter],
    fromMs: clock.now() - limits.idempotencyTtlMs,
    limits,
    log,
    file: options.keysFile,
  });
  const http = new HttpInput({
    context,
    authenticate: options.authenticate,
    keys,
    keysKnown: () => {
      const waitMs = limits.httpQueueWaitMs;
      return inTime(memory.usable, waitMs, KEYS_UNKNOWN, Math.ceil(waitMs / 1_000));
    },
    lettersElsewhere: (request) => elsewhere.count(request),
  });
  const topics =
    options.topicAdmin === undefined
      ? undefined
      : await openTopics({ ...options, context, admin: options.topicAdmin, keysFile: options.topicKeysFile });
  const inputs = syslogInputs(context, options.inputs.syslog);
  const allLanes = () => [...outlets.raw.all, outlets.dead].flatMap(({ sockets, requests }) => [sockets, requests]);
  const close = async (): Promise<void> => {
    await Promise.all([
      within(limits.drainMs, http.close()),
      within(limits.drainMs, topics?.input.close() ?? Promise.resolve()),
      ...inputs.map((input) => input.close()),
    ]);
    const lanes = allLanes();
    await within(limits.drainMs, Promise.all(lanes.map((lane) => lane.drain())));
    for (const lane of lanes) lane.abandon();
    await growth.close();
    await memory.close();
    await elsewhere.close();
    await topics?.close();
    highWater.close();
    await Promise.all([...writers, deadWriter].map((writer) => writer.close()));
  };
  let closed: Promise<void> | undefined;
  return {
    listen: () => Promise.all(inputs.map((input) => input.listen())),
    httpPlugin: http.plugin,
    topics,
    refuseRequests: () => {
      void growth.close();
      for (const { requests } of outlets.raw.all) requests.refuse();
    },
    troubles: () => [...new Set([highWater.reason ?? [], allLanes().flatMap((lane) => lane.trouble ?? [])].flat())],
    get space() {
      return highWater.space;
    },
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

function syslogInputs(context: InputContext, configs: readonly SyslogInputConfig[]): ListeningInput[] {
  const budget = new UnfinishedBudget(context.limits.unfinishedBytes);
  return configs.flatMap((config) => [
    ...(config.tcp ? [new SyslogTcpInput(context, config, budget)] : []),
    ...(config.udp ? [new SyslogUdpInput(context, config)] : []),
  ]);
}

function openOutlet(
  writer: PartitionWriter,
  options: CollectorOptions,
  metrics: CollectMetrics,
  ends: Record<string, number>,
): Outlet {
  const isDead = writer.topic === TOPICS.deadLetter;
  const name = logNameOf(writer);
  ends[name] = writer.nextOffset;
  void writer.known?.then(() => {
    ends[name] = Math.max(ends[name] ?? 0, writer.nextOffset);
  });
  const onDurable = (batch: DurableBatch): void => {
    ends[logNameOf(batch)] = batch.appended.nextOffset;
    if (isDead) {
      options.onDeadLettered?.(batch);
      return;
    }
    for (const { input, count } of batch.counts) metrics.records.labels(input).inc(count);
    options.onAccepted(batch);
  };
  const common = {
    writer,
    log: options.log,
    retryMs: (options.limits ?? COLLECT_LIMITS).retryMs,
    onDurable,
    onCommit: (seconds: number) => metrics.commitSeconds.observe(seconds),
    onLost: (records: number) => metrics.lostRecords.inc(records),
  };
  return { sockets: new Lane({ kind: 'sockets', ...common }), requests: new Lane({ kind: 'requests', ...common }) };
}

/** Resolves with the work, or without it when the time is over. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, over]).finally(() => clearTimeout(timer));
}
