/** What every role is given: configuration, log, metrics, and the queue with its marks kept in step across processes. */
import { join } from 'node:path';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Config } from '../config/schema.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { SUPERVISOR_LIMITS } from '../lib/limits.ts';
import { createLog, type Logger } from '../lib/log.ts';
import type { Coordinator } from '../queue/segment-log/coordinator.ts';
import type { Mark } from '../queue/segment-log/marks.ts';
import { MarkBoard } from '../queue/segment-log/marks.ts';
import { openSegmentLog, type SegmentLogQueue } from '../queue/segment-log/queue.ts';
import { IpcCoordinator } from './ipc-coordinator.ts';
import type { SupervisorLink } from './link.ts';
import { MarksOutbox } from './marks-outbox.ts';
import type { Listening, RoleName, StartMessage } from './messages.ts';
import { topicsOf } from './topics.ts';

export interface RoleContext {
  readonly role: RoleName;
  readonly config: Config;
  readonly internalSecret: string;
  readonly link: SupervisorLink;
  readonly log: Logger;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly marks: MarkBoard;
  readonly coordinator: Coordinator;
  readonly queue: SegmentLogQueue;
  /** This role runs without the others (`start --role`): it listens for itself. */
  readonly alone: boolean;
  /** Ends this process when the work ends by a failure: the supervisor starts it again. */
  endOnFailure(work: Promise<void>): void;
}

export interface RunningRole {
  readonly listening: readonly Listening[];
  /** Drains: what was accepted is durable when it resolves. */
  stop(): Promise<void>;
}

export function openRoleContext(
  { role, config, topics, internalSecret, alone }: StartMessage,
  link: SupervisorLink,
): RoleContext {
  const log = createLog(role, config.log.level);
  const registry = new Registry();
  registry.setDefaultLabels({ role });
  collectDefaultMetrics({ register: registry });
  const marks = new MarkBoard();
  const flushMarks = relayMarks(link, marks);
  reportMetrics(link, registry);
  const coordinator = new IpcCoordinator(link, topics, flushMarks);
  const queue = openSegmentLog({
    directory: join(config.data, 'queue'),
    topics: topicsOf(config),
    coordinator,
    marks,
    log,
    registry,
  });
  keepQueue(queue, log);
  const endOnFailure = (work: Promise<void>) => {
    work.catch((error: unknown) => {
      log.fatal({ err: error }, 'cannot go on');
      process.exit(1);
    });
  };
  const clock = systemClock;
  return {
    role,
    config,
    internalSecret,
    link,
    log,
    registry,
    clock,
    marks,
    coordinator,
    queue,
    alone,
    endOnFailure,
  };
}

/** Sends the marks of this process's writers, gathered for a moment or until it is asked to, and takes those of the others. */
function relayMarks(link: SupervisorLink, board: MarkBoard): () => void {
  const own = new Map<string, Mark>();
  const changed = new Set<string>();
  let takingOthers = false;
  let timer: NodeJS.Timeout | undefined;
  const outbox = new MarksOutbox((marks, sent) => link.send({ kind: 'marks', marks }, sent));
  const send = () => {
    clearTimeout(timer);
    timer = undefined;
    if (changed.size === 0) return;
    const marks = [...changed].flatMap((key) => own.get(key) ?? []);
    changed.clear();
    outbox.send(marks);
  };
  board.onChange((mark) => {
    if (takingOthers) return;
    const key = `${mark.topic}/${mark.partition}`;
    own.set(key, mark);
    changed.add(key);
    if (timer === undefined) timer = setTimeout(send, SUPERVISOR_LIMITS.marksDelayMs);
  });
  link.on('marks', ({ marks }) => {
    takingOthers = true;
    for (const mark of marks) if (!own.has(`${mark.topic}/${mark.partition}`)) board.set(mark);
    takingOthers = false;
  });
  return send;
}

/** What the queue wants done now and then, by whoever has its writers. */
function keepQueue(queue: SegmentLogQueue, log: Logger): void {
  // A writer that has nothing to write still says when that was so: completeness moves on by it. Members say they live.
  setInterval(() => void queue.heartbeat(), SUPERVISOR_LIMITS.heartbeatMs).unref();
  setInterval(() => {
    queue.retain().catch((error: unknown) => log.error({ err: error }, 'old segments could not be removed'));
  }, SUPERVISOR_LIMITS.retainMs).unref();
}

function reportMetrics(link: SupervisorLink, registry: Registry): void {
  let isUnderWay = false;
  setInterval(() => {
    // A supervisor that stands still is not owed all of them.
    if (isUnderWay) return;
    isUnderWay = true;
    void registry.getMetricsAsJSON().then((metrics) => {
      link.send({ kind: 'metrics', metrics }, () => {
        isUnderWay = false;
      });
    });
  }, SUPERVISOR_LIMITS.metricsMs).unref();
}
