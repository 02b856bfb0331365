/** `spillway start`: runs the supervisor in this process until it is asked to stop. */
import type { Listening, RoleName } from '../roles/messages.ts';
import { Supervisor } from '../roles/supervisor.ts';
import { type Command, choiceOption, EXIT, type Invocation } from './command.ts';
import { CONFIG_OPTIONS, loadInvoked } from './config-options.ts';
import { firstScreen } from './first-screen.ts';
import { assertStartable } from './startable.ts';

const ROLES = ['collector', 'processor', 'store'] as const satisfies readonly RoleName[];

export const command: Command = {
  usage: 'start [--role collector|processor|store] [--config FILE] [--data DIR]',
  summary: 'Start Spillway, or one role of it.',
  details: [
    'Without --role all three roles run on this machine, each in a process of its own, and one that dies is started again.',
    'Ctrl-C stops it: what was accepted is made durable first. Its own log goes to standard error, as JSON lines.',
  ],
  options: {
    role: { type: 'string', value: 'ROLE', description: 'Only this role: collector, processor or store.' },
    ...CONFIG_OPTIONS,
  },
  args: [0, 0],
  examples: [
    ['spillway start', 'everything on this machine, data in ./data'],
    ['spillway start --data /var/lib/spillway --config /etc/spillway.yaml', 'as a service would'],
  ],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const startedMs = performance.now();
  const loaded = loadInvoked(invocation);
  const role = choiceOption(invocation, 'role', ROLES);
  assertStartable(loaded, role);
  const { output } = invocation;
  output.goOnUnread();
  const onReady = (listening: readonly Listening[], waitsFor: readonly string[]) => {
    const tookMs = performance.now() - startedMs;
    output.line(firstScreen(output, loaded, { listening, waitsFor }, tookMs));
    // For a program that started it: ports may have been chosen by the system.
    const told = { ready: true, listening, ...(waitsFor.length > 0 && { waitsFor }), tookMs: Math.round(tookMs) };
    if (!output.isTerminal) output.line(JSON.stringify(told));
  };
  const supervisor = await Supervisor.start(
    loaded.config,
    role === undefined ? { onReady } : { onReady, roles: [role] },
  );
  stopWhenAsked(invocation, supervisor);
  await supervisor.ended();
  output.line('Stopped. Everything that was acknowledged is on disk.');
  return EXIT.done;
}

/** npm, the terminal and the launcher may each pass the same Ctrl-C on, so more of them mean the same. */
function stopWhenAsked({ output, env }: Invocation, supervisor: Supervisor): void {
  let stopping = false;
  const stop = (): void => {
    if (!stopping) output.line('Stopping: draining what was accepted …');
    stopping = true;
    void supervisor.stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  const launcher = Number(env.SPILLWAY_LAUNCHER_PID);
  if (process.ppid !== launcher) return;
  const watch = setInterval(() => {
    if (process.ppid !== launcher) stop();
  }, LAUNCHER_CHECK_MS);
  watch.unref();
}

const LAUNCHER_CHECK_MS = 500;
