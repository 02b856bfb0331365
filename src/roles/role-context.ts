/** What every role is given: configuration, log, metrics, and the queue. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Config } from '../config/schema.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { fromTimeToTime } from '../lib/from-time-to-time.ts';
import { SUPERVISOR_LIMITS } from '../lib/limits.ts';
import { createLog, type Logger } from '../lib/log.ts';
import { openEmbeddedQueue } from './embedded-queue.ts';
import { endNow } from './end-now.ts';
import type { SupervisorLink } from './link.ts';
import type { FromRole, Listening, RoleName, StartMessage } from './messages.ts';
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
  /** Ends this process when the work ends by a failure: the supervisor starts it again. Not while it is to end anyway. */
  endOnFailure(work: Promise<void>): void;
  endSoon(): void;
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
  report(link, registry, log);
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
  let isEnding = false;
  const endOnFailure = (work: Promise<void>) => {
    work.catch((error: unknown) => {
      if (isEnding) {
        // Whatever has to be closed still is, such as the search engine.
        const reason = messageOf(error);
        log.warn({ reason }, 'ends before all of it was done: the next start goes on from what is durable');
        return;
      }
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
    endSoon: () => {
      isEnding = true;
      opened.endSoon?.();
    },
  };
}

/**
 * Each second that it lives, and its metrics: these may take longer, where an engine has to be asked for some. A supervisor
 * that stands still is not owed all of them: the next one is sent when it has taken the one before.
 */
function report(link: SupervisorLink, registry: Registry, log: Logger): void {
  const failed = (reason: string) => {
    log.fatal({ reason }, 'it cannot be said how this role is');
    endNow();
  };
  const say = (message: FromRole) => new Promise<void>((resolve) => link.send(message, resolve));
  const metrics = async () => say({ kind: 'metrics', metrics: await registry.getMetricsAsJSON() });
  fromTimeToTime({ everyMs: SUPERVISOR_LIMITS.aliveMs, work: () => say({ kind: 'alive' }), failed });
  fromTimeToTime({ everyMs: SUPERVISOR_LIMITS.metricsMs, work: metrics, failed });
}
