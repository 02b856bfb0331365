import { expect, test } from 'vitest';
import type { StatusAnswer } from '../../../src/api/schemas/index.ts';
import { Problem } from '../../lib/api.ts';
import { conditionOf, describe } from './condition.ts';

const SINCE = '2026-11-26T03:00:00.000Z';
const ready = (role: string) => ({ role, state: 'ready', pid: 1, restarts: 0 });
const status = (said: Partial<StatusAnswer>): StatusAnswer => ({
  time: SINCE,
  health: { status: 'ok' },
  roles: ['collector', 'processor', 'store'].map(ready),
  you: { tenant: 'default', scopes: ['read'] },
  ...said,
});
const AWAY = `The store has not indexed since ${SINCE}: see \`spillway doctor\`.`;

test('it is up only where health is ok, every role is ready and the queue answers', () => {
  expect(conditionOf(status({}), null)).toMatchObject({ health: 'up', title: 'Everything is up', reasons: [] });
});

test('it is degraded, with the reasons of /health/ready, although every role is ready', () => {
  const condition = conditionOf(status({ health: { status: 'degraded', reasons: [AWAY, 'The disk.'] } }), null);
  expect(condition).toMatchObject({ health: 'degraded', word: 'Degraded', reasons: [AWAY, 'The disk.'] });
  expect(describe(condition)).toBe(
    `Degraded: a part does not work now. The store has not indexed since ${SINCE}: see spillway doctor. The disk.`,
  );
});

test('it is unavailable where something is missing, whatever else there is', () => {
  const health = { status: 'unavailable', reasons: ['It waits for a lock.'] } as const;
  expect(conditionOf(status({ health: { ...health, reasons: [...health.reasons] } }), null)).toMatchObject({
    health: 'unavailable',
    reasons: ['It waits for a lock.'],
  });
});

test('a role that is not ready is named, with since when and why', () => {
  const store = { ...ready('store'), state: 'starting', restarts: 2, lastExit: 'SIGKILL', since: SINCE };
  const processor = {
    ...ready('processor'),
    state: 'waiting',
    pid: null,
    since: SINCE,
    waitsFor: 'Kafka does not answer.',
  };
  expect(conditionOf(status({ roles: [ready('collector'), processor, store] }), null)).toMatchObject({
    health: 'degraded',
    reasons: [
      'The processor is waiting: Kafka does not answer.',
      `The store has been starting since ${SINCE}; it ended before (SIGKILL).`,
    ],
  });
});

test('a queue that does not answer is not up, though nothing was sent that health could notice', () => {
  const queue = new Problem(503, { code: 'QUEUE_UNREACHABLE', detail: 'Kafka did not answer within 7 s.' });
  expect(conditionOf(status({}), null, queue)).toMatchObject({
    health: 'degraded',
    reasons: ['Kafka did not answer within 7 s.'],
  });
  expect(conditionOf(status({}), null, new Problem(403, { code: 'FORBIDDEN' })).health).toBe('up');
});

test('no answer is no good news, and who needs a token has been answered', () => {
  expect(conditionOf(undefined, null).health).toBe('asking');
  expect(conditionOf(status({}), new Problem(0, { code: 'UNREACHABLE', detail: 'Nothing answers.' }))).toMatchObject({
    health: 'unreachable',
    reasons: ['Nothing answers.'],
  });
  expect(conditionOf(status({}), new Problem(401, { code: 'UNAUTHORIZED' })).health).toBe('asking');
});
