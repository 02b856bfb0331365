/**
 * `spillway drain`: empties an embedded queue before it is left. All roles run, so that what a killed collector has left
 * is recovered too, but nothing listens where a sender would find it; when every record is processed and indexed it ends.
 */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { nodeDisk } from '../lib/disk.ts';
import { SpillwayError } from '../lib/errors.ts';
import { DRAIN_LIMITS } from '../lib/limits.ts';
import { count, plural } from '../lib/plural.ts';
import { readBacklog } from '../queue/segment-log/backlog.ts';
import { printUnread, QUEUE_READERS } from '../roles/queue-binding.ts';
import { Supervisor } from '../roles/supervisor.ts';
import { type Command, EXIT, type Invocation } from './command.ts';
import { CONFIG_OPTIONS, loadInvoked } from './config-options.ts';
import { assertStartable } from './startable.ts';

export const command: Command = {
  usage: 'drain [--config FILE] [--data DIR]',
  summary: 'Process and index what is in the embedded queue, take nothing new, and stop.',
  details: [
    'For leaving an embedded queue: stop Spillway, drain its folder, start elsewhere. What is in the queue stays there;',
    'exit 0 says that the processor and the store have read all of it. Ctrl-C stops it; again goes on where it was.',
  ],
  options: CONFIG_OPTIONS,
  args: [0, 0],
  examples: [['spillway drain --config old.yaml --data /var/lib/spillway', 'before the folder is left for good']],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const loaded = loadInvoked(invocation);
  assertStartable(loaded);
  const { output } = invocation;
  const { config } = loaded;
  if (config.queue.engine !== 'embedded') {
    const what = 'drain is for the embedded queue, and queue.engine is kafka';
    const instead =
      'collectors append what they spooled to Kafka by themselves when they start, and any processor and store read it';
    throw new SpillwayError('BAD_REQUEST', `${what}: ${instead}.`);
  }
  const interrupted = invocation.interrupted();
  const left = await drain(quiet(config), interrupted, (unread) => {
    output.progress(`${plural(unread, 'record')} to go`);
  });
  if (left !== '') {
    output.problem(`${left}. Nothing of it is lost: drain again, or start Spillway on this folder.`);
    return EXIT.failed;
  }
  const text = `Everything in ${join(config.data, 'queue')} is processed and indexed.`;
  output.line(output.isTerminal ? text : JSON.stringify({ drained: true, data: config.data }));
  return EXIT.done;
}

/** The front door on a port that nobody is told, and no input. */
function quiet(config: Config): Config {
  return {
    ...config,
    http: { ...config.http, host: '127.0.0.1', port: 0 },
    inputs: { ...config.inputs, syslog: [] },
  };
}

/** What nobody has read when it ends; empty where all was. */
async function drain(config: Config, interrupted: AbortSignal, tell: (unread: number) => void): Promise<string> {
  const ready = Promise.withResolvers<void>();
  const supervisor = await Supervisor.start(config, { onReady: () => ready.resolve() });
  const ended = supervisor.ended();
  const over = Promise.withResolvers<void>();
  interrupted.addEventListener('abort', () => over.resolve());
  // A role that cannot start ends the supervisor, and says why.
  ended.catch(() => {});
  const failed = ended.then(() => over.resolve(), over.reject);
  await Promise.race([ready.promise, over.promise]);
  let least = Number.POSITIVE_INFINITY;
  let movedMs = performance.now();
  while (!interrupted.aborted) {
    const unread = await unreadOf(supervisor);
    tell(unread);
    if (unread === 0) break;
    if (unread < least) movedMs = performance.now();
    least = Math.min(least, unread);
    if (performance.now() - movedMs > DRAIN_LIMITS.stillMs) {
      await supervisor.stop();
      throw new SpillwayError('UNAVAILABLE', standsStill(unread));
    }
    await Promise.race([new Promise((resolve) => setTimeout(resolve, DRAIN_LIMITS.lookMs)), over.promise]);
  }
  await supervisor.stop();
  await failed;
  // What the folder itself says, after everything has ended.
  return printUnread(await readBacklog(nodeDisk, join(config.data, 'queue'), QUEUE_READERS));
}

async function unreadOf(supervisor: Supervisor): Promise<number> {
  const groups = await supervisor.groups();
  const required: readonly string[] = QUEUE_READERS.map(({ group }) => group);
  const partitions = groups.filter(({ group }) => required.includes(group)).flatMap(({ partitions: all }) => all);
  return partitions.reduce((sum, { lag }) => sum + lag, 0);
}

function standsStill(unread: number): string {
  return (
    `${count(unread)} records are left, and for ${DRAIN_LIMITS.stillMs / 60_000} minutes none of them was read. ` +
    'Look at the log above for what the processor or the store waits for; `spillway doctor` may know.'
  );
}
