/** The collector: every listener and the front door. It appends, acknowledges, and knows nothing of what comes after. */
import { join } from 'node:path';
import { createAuth } from '../api/auth/authenticate.ts';
import type { UserTopics } from '../api/front/user-topics.ts';
import { createFrontDoor } from '../api/front-door.ts';
import { createCollector } from '../collect/collector.ts';
import type { TopicWriters } from '../collect/topics/topic-writers.ts';
import { assertExposureAllowed } from '../config/exposure.ts';
import { deadLetterPartition } from '../event/dead-letter.ts';
import { TOPICS } from '../event/topics.ts';
import { SpillwayError } from '../lib/errors.ts';
import { countAccepted, countRefused } from '../monitor/ledger/counting.ts';
import { minuteOf } from '../monitor/ledger/ledger.ts';
import { listenOn } from './listen.ts';
import type { Behind } from './messages.ts';
import { openLedger } from './open-ledger.ts';
import { processorTroubles } from './processor-trouble.ts';
import type { RoleContext, RunningRole } from './role-context.ts';
import { storeTroubles } from './store-trouble.ts';
import { SupervisorQuestions } from './supervisor-questions.ts';

const CONSOLE_ROOT = join(import.meta.dirname, '../../console/dist');

export async function runCollector(context: RoleContext): Promise<RunningRole> {
  const { queue, config, clock, log, registry, link, internalSecret } = context;
  const { authenticate, tokenCount } = createAuth({ dataFolder: config.data, clock, log });
  assertExposureAllowed(config, tokenCount());
  const refusals = { topic: TOPICS.deadLetter, partition: deadLetterPartition.collectors };
  const ledger = openLedger(context, [{ at: refusals, count: countRefused }]);
  context.onDrained?.((at, batch, appended) => {
    if (at.topic === TOPICS.raw) ledger.add(at, appended, countAccepted(batch, at.partition));
  });
  let store: { readonly port: number } | undefined;
  link.on('store', ({ port }) => {
    store = port === undefined ? undefined : { port };
  });
  let behind: Behind = { processorMs: null, storeMs: null, isStoreStarting: false, waiting: null };
  link.on('behind', (told) => {
    behind = told;
  });
  const collector = await createCollector({
    inputs: config.inputs,
    queue,
    // The front door has authenticated the request before it reaches an input.
    authenticate: (request) => request.principal,
    clock,
    log,
    registry,
    site: config.site,
    disk: {
      folder: join(config.data, 'queue'),
      highWaterPercent: config.queue.highWaterPercent,
      minFreeBytes: config.queue.minFreeBytes,
    },
    keysFile: join(config.data, 'collector', 'keys.json'),
    topicAdmin: context.topicAdmin,
    topicKeysFile: join(config.data, 'collector', 'topic-keys.json'),
    onOpened: (partition) => ledger.follow({ at: { topic: TOPICS.raw, partition }, count: countAccepted }),
    onAccepted: ({ topic, partition, appended, counts }) => {
      const rows = counts.map(({ tenant, receivedMs, count }) => {
        return { partition, tenant, minute: minuteOf(receivedMs), column: 'accepted', count } as const;
      });
      ledger.add({ topic, partition }, appended, rows);
    },
  });
  await ledger.start();
  // A collector that others have begun to go on without is given the time to keep what it has taken.
  let stop = async (): Promise<void> => {
    await collector.close();
    await context.close();
  };
  context.onOut?.(() => {
    collector.refuseRequests();
    context.endOnFailure(stop().then(() => Promise.reject(beginsAgain())));
  });
  await context.settled?.();
  const frontDoor = await createFrontDoor({
    authenticate,
    storeAddress: () => store,
    coordinator: new SupervisorQuestions(link),
    queue,
    troubles: () => [
      ...collector.troubles(),
      ...(context.troubles?.() ?? []),
      ...processorTroubles(behind.processorMs, clock),
      ...storeTroubles(behind.storeMs, behind.waiting, clock, behind.isStoreStarting),
    ],
    machine: () => {
      const [disk, spool] = [collector.space, context.spooled?.()];
      return { ...(disk === undefined ? {} : { disk }), ...(spool === undefined ? {} : { spool }) };
    },
    ...(collector.topics === undefined ? {} : { topics: userTopics(context, collector.topics.writers) }),
    ingestPlugins: [collector.httpPlugin, ...(collector.topics === undefined ? [] : [collector.topics.input.plugin])],
    consoleRoot: CONSOLE_ROOT,
    clock,
    log,
    registry,
    internalSecret,
    names: [config.http.host, ...config.http.names],
  });
  const http = await listenOn(frontDoor, 'http', config.http);
  stop = async () => {
    await Promise.all([frontDoor.close(), collector.close()]);
    await ledger.stop();
    await context.close();
  };
  return { listening: [http, ...(await collector.listen())], stop };
}

const beginsAgain = (): SpillwayError =>
  new SpillwayError(
    'QUEUE_FENCED',
    'Partitions were added without this collector, which did not answer: it begins again, with what it has kept.',
  );

function userTopics({ topicAdmin: admin, queue, config }: RoleContext, writers: TopicWriters): UserTopics {
  return {
    admin,
    queue,
    retention: { maxAgeMs: config.queue.retentionMs, maxBytes: config.queue.maxSizeBytes },
    topic: (name) => writers.topic(name),
    open: (at) => writers.open(at),
    closed: (name) => writers.closed(name),
  };
}
