/** The embedded queue, as a role uses it: its marks kept in step across processes, coordinated by the supervisor. */
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import { TOPICS } from '../event/topics.ts';
import { SUPERVISOR_LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { createdTopicOptions } from '../queue/segment-log/local-topics.ts';
import type { Mark } from '../queue/segment-log/marks.ts';
import { MarkBoard } from '../queue/segment-log/marks.ts';
import { openSegmentLog, type SegmentLogQueue } from '../queue/segment-log/queue.ts';
import { IpcCoordinator } from './ipc-coordinator.ts';
import { IpcTopics } from './ipc-topics.ts';
import type { SupervisorLink } from './link.ts';
import { MarksOutbox } from './marks-outbox.ts';
import type { StartMessage } from './messages.ts';
import type { RoleQueue } from './role-queue.ts';
import { topicsOf } from './topics.ts';

export function openEmbeddedQueue(
  { config, topics, catalogue }: StartMessage,
  link: SupervisorLink,
  log: Logger,
  registry: Registry,
): RoleQueue {
  const marks = new MarkBoard();
  const relay = relayMarks(link, marks);
  const coordinator = new IpcCoordinator(link, topics, relay.flush);
  const topicAdmin = new IpcTopics(link, catalogue, relay.flush);
  let known = Object.keys(catalogue.topics);
  topicAdmin.onChange(() => {
    const now = topicAdmin.catalogue.topics;
    for (const topic of known) if (now[topic] === undefined) relay.forget(topic);
    known = Object.keys(now);
  });
  const queue = openSegmentLog({
    directory: join(config.data, 'queue'),
    topics: topicsOf(config),
    created: (topic) => createdTopicOptions(topicAdmin.catalogue, topic),
    coordinator,
    marks,
    log,
    registry,
  });
  keepQueue(queue, log);
  return {
    queue,
    topicAdmin,
    committed: (group, at) => coordinator.committed(group, at),
    rawEnd: (partition) => marks.get({ topic: TOPICS.raw, partition }),
    close: () => queue.close(),
  };
}

/** Sends the marks of this process's writers, gathered for a moment or until it is asked to, and takes those of the others. */
function relayMarks(
  link: SupervisorLink,
  board: MarkBoard,
): { readonly flush: () => void; readonly forget: (topic: string) => void } {
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
  const forget = (topic: string) => {
    for (const [key, mark] of own) if (mark.topic === topic) own.delete(key);
    board.forget(topic);
  };
  return { flush: send, forget };
}

/** What the queue wants done now and then, by whoever has its writers. */
function keepQueue(queue: SegmentLogQueue, log: Logger): void {
  // A writer that has nothing to write still says when that was so: completeness moves on by it. Members say they live.
  setInterval(() => void queue.heartbeat(), SUPERVISOR_LIMITS.heartbeatMs).unref();
  setInterval(() => {
    queue.retain().catch((error: unknown) => log.error({ err: error }, 'old segments could not be removed'));
  }, SUPERVISOR_LIMITS.retainMs).unref();
}
