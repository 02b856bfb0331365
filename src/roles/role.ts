/** Entry of a role's process: waits for its configuration, takes its lock, runs, and ends when told or left alone. */
import { nodeDisk } from '../lib/disk.ts';
import { isDiskFull } from '../lib/disk-files.ts';
import { type ErrorCode, messageOf, SpillwayError } from '../lib/errors.ts';
import { createLog } from '../lib/log.ts';
import { lockDataFolderSoon } from './data-lock.ts';
import { endNow } from './end-now.ts';
import { armFailpoint } from './failpoint.ts';
import { SupervisorLink } from './link.ts';
import type { RoleName, StartMessage } from './messages.ts';
import type { RoleContext, RunningRole } from './role-context.ts';
import { openRoleContext } from './role-context.ts';

// Only the supervisor stops a role: Ctrl-C reaches the whole process group, and a role that ended before the
// supervisor knew would be started again.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const link = new SupervisorLink();
let context: RoleContext | undefined;
let running: RunningRole | undefined;

link.on('start', (message) => {
  start(message).catch((error: unknown) => {
    const code = codeOf(error);
    link.send({ kind: 'failed', code, message: messageOf(error) }, endNow);
    // What is ours to explain has been; a stack is for what nobody expected.
    if (code === 'INTERNAL') createLog(message.role).error({ err: error }, 'cannot start');
  });
});

link.on('stop', async () => {
  try {
    context?.endSoon();
    await running?.stop();
    process.exit(0);
  } catch (error) {
    link.send({ kind: 'failed', code: 'INTERNAL', message: messageOf(error) }, endNow);
  }
});

async function start(message: StartMessage): Promise<void> {
  await lockDataFolderSoon(message.config.data, message.role);
  armFailpoint(message.role, nodeDisk, process.env.SPILLWAY_TEST_FAILPOINT);
  context = await openRoleContext(message, link);
  running = await runRole(message.role, context);
  link.send({ kind: 'ready', listening: running.listening });
}

/** Each role's code is loaded only in its own process: the store's engine alone is half a gigabyte. */
async function runRole(role: RoleName, context: RoleContext): Promise<RunningRole> {
  switch (role) {
    case 'collector':
      return (await import('./collector.ts')).runCollector(context);
    case 'processor':
      return (await import('./processor.ts')).runProcessorRole(context);
    case 'store':
      return (await import('./store.ts')).runStore(context);
  }
}

/** Any part may be the one that meets a full disk, and each says so in its own way; the engine in words only. */
function codeOf(error: unknown): ErrorCode {
  if (error instanceof SpillwayError) return error.code;
  return isDiskFull(error) || /NOT_ENOUGH_SPACE|No space left on device/.test(messageOf(error))
    ? 'DISK_FULL'
    : 'INTERNAL';
}
