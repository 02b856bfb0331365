/** What every role is given: configuration, log, metrics, and the queue. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Config } from '../config/schema.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { SUPERVISOR_LIMITS } from '../lib/limits.ts';
import { createLog, type Logger } from '../lib/log.ts';
import { openEmbeddedQueue } from './embedded-queue.ts';
import { endNow } from './end-now.ts';
import type { SupervisorLink } from './link.ts';
import type { Listening, RoleName, StartMessage } from './messages.ts';
import type { RoleQueue } from './role-queue.ts';

export interface RoleContext extends RoleQueue {
  readonly role: RoleName;
  readonly config: Config;
  readonly internalSecret: string;
  readonly link: SupervisorLink;
  readonly log: Logger;
  readonly registry: Registry;
  readonly clock: Clock;
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

export async function openRoleContext(message: StartMessage, link: SupervisorLink): Promise<RoleContext> {
  const { role, config, internalSecret, alone } = message;
  const log = createLog(role, config.log.level);
  const registry = new Registry();
  registry.setDefaultLabels({ role });
  collectDefaultMetrics({ register: registry });
  reportMetrics(link, registry);
  let hasWaited = false;
  const opened =
    config.queue.engine === 'embedded'
      ? openEmbeddedQueue(message, link, log, registry)
      : await (await import('./kafka-queue.ts')).openKafkaRoleQueue({
          ...{ config, role, log, registry },
          onWaiting: (waitsFor) => {
            hasWaited = true;
            link.send({ kind: 'waiting', waitsFor });
          },
        });
  if (hasWaited) link.send({ kind: 'starting' });
  const endOnFailure = (work: Promise<void>) => {
    work.catch((error: unknown) => {
      log.fatal({ err: error }, 'cannot go on');
      endNow();
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
    ...opened,
    alone,
    endOnFailure,
  };
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
