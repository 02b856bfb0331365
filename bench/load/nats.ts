/**
 * A peer of collect-tcp: a NATS server of its own with a JetStream stream on the disk, loaded by NATS' own benchmark, which
 * publishes asynchronously and waits for the acknowledgements in batches.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../test/support/ports.ts';
import { until } from '../harness.ts';
import { withFolder } from './queue-log.ts';

const run = promisify(execFile);
const CLIENTS = 4;

export interface NatsRun {
  readonly server: string;
  readonly client: string;
  /** `always`: synced before it is acknowledged; else every two minutes, as it comes. */
  readonly syncs: boolean;
  readonly messages: number;
  readonly messageBytes: number;
}

/** Messages acknowledged a second. */
export function runNats({ server, client, syncs, messages, messageBytes }: NatsRun): Promise<number> {
  return withFolder(async (folder) => {
    const port = await freePort();
    const sync = syncs ? '\n  sync_interval: always' : '';
    const config = `listen: "127.0.0.1:${port}"\njetstream {\n  store_dir: "${join(folder, 'store')}"${sync}\n}\n`;
    await writeFile(join(folder, 'nats.conf'), config);
    const child = spawn(server, ['-c', join(folder, 'nats.conf')], { stdio: 'ignore' });
    const ended = once(child, 'close');
    try {
      await until('NATS listens', () => canConnect(port), 20_000, 50);
      const size = ['--msgs', String(messages), '--size', `${messageBytes}B`, '--clients', String(CLIENTS)];
      const stream = ['--create', '--storage', 'file', '--maxbytes', '16GB', '--no-progress', 'bench'];
      const args = ['--server', `nats://127.0.0.1:${port}`, 'bench', 'js', 'pub', 'async', ...size, ...stream];
      const { stdout } = await run(client, args, { env: { ...process.env, XDG_CONFIG_HOME: folder } });
      return rateIn(stdout);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  });
}

/** Of all clients together where there are several. */
function rateIn(output: string): number {
  const lines = output.split('\n').filter((line) => /msgs\/sec/.test(line));
  const line = lines.find((text) => /aggregated/i.test(text)) ?? lines[0] ?? '';
  const rate = /([\d,]+) msgs\/sec/.exec(line)?.[1];
  if (rate === undefined) throw new Error(`NATS' benchmark said no rate:\n${output}`);
  return Number(rate.replaceAll(',', ''));
}

async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return (await new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).finally(() => socket.destroy())) as boolean;
}
