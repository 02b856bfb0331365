import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { createLog } from '../lib/log.ts';
import { emptyCatalogue } from '../queue/created/catalogue.ts';
import type { StartMessage } from './messages.ts';
import { RoleProcess } from './role-process.ts';

/** Enough for a process to say its first words on a busy machine. */
const READY_TIMEOUT_MS = 2_000;

const started: RoleProcess[] = [];
afterEach(() => Promise.all(started.splice(0).map((role) => role.stop())));

function startWaiting() {
  const exits: string[] = [];
  const role = new RoleProcess({
    role: 'store',
    // The rest of it is for a role, which this is not.
    startMessage: () => ({ kind: 'start' }) as StartMessage,
    events: {
      onMessage: () => {},
      onReady: () => {},
      onWaiting: () => {},
      onSilent: () => {},
      onExit: (name) => void exits.push(name),
      onUnable: () => {},
    },
    log: createLog('test', 'silent'),
    delayMaxMs: 10,
    readyTimeoutMs: READY_TIMEOUT_MS,
    entry: join(import.meta.dirname, 'role-process.fixture.ts'),
  });
  started.push(role);
  role.start();
  return { role, exits };
}

test('a role waits for its queue as long as it takes, says so until it is there, and then has the time of a start', async () => {
  const { role, exits } = startWaiting();
  await vi.waitFor(() => {
    expect(role.report).toMatchObject({ state: 'waiting', waitsFor: 'Waiting for the queue.' });
  });
  // A busy machine may have needed more than one start to get there.
  const { restarts } = role.report;
  // Longer than a start may take.
  await new Promise((resolve) => setTimeout(resolve, READY_TIMEOUT_MS * 1.2));
  expect(role.report).toMatchObject({ state: 'waiting', restarts });

  role.send({ kind: 'catalogue', catalogue: emptyCatalogue() });
  await vi.waitFor(() => expect(role.report).toMatchObject({ state: 'starting', waitsFor: null }));
  // It hangs.
  await vi.waitFor(() => expect(exits.length).toBe(restarts + 1));
  await vi.waitFor(() => expect(role.report).toMatchObject({ restarts: restarts + 1, lastExit: 'SIGKILL' }));
});
