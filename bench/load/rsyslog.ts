/**
 * The peer of collect-tcp: an rsyslog of its own (its own configuration, folder and process id file), imtcp to a file.
 * It is done when the file has all lines: in the page cache, since it syncs neither file nor queue.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../test/support/ports.ts';
import { until } from '../harness.ts';
import { runTcpLoad } from './run-load.ts';

const QUEUES = {
  memory: 'queue.type="LinkedList" queue.size="1000000" queue.dequeueBatchSize="4096" queue.timeoutEnqueue="60000"',
  disk: 'queue.type="Disk" queue.filename="main" queue.maxFileSize="128m" queue.dequeueBatchSize="4096" queue.timeoutEnqueue="60000"',
};

export interface RsyslogRun {
  readonly rsyslogd: string;
  readonly queue: keyof typeof QUEUES;
  readonly events: number;
  readonly lineBytes: number;
  readonly connections: number;
}

export async function runRsyslog(run: RsyslogRun): Promise<{ eventsPerS: number; loadCpuS: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-bench-rsyslog-'));
  const port = await freePort();
  const output = join(folder, 'out.log');
  await mkdir(join(folder, 'spool'));
  await writeFile(join(folder, 'rsyslog.conf'), configuration(folder, output, port, run.queue));
  const child = spawn(run.rsyslogd, ['-n', '-f', join(folder, 'rsyslog.conf'), '-i', join(folder, 'pid')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  try {
    await until('rsyslog listens', () => canConnect(port), 20_000, 50);
    const load = await runTcpLoad({ ...run, port });
    const sizeOf = (): Promise<number> =>
      stat(output).then(
        ({ size }) => size,
        () => 0,
      );
    await until('rsyslog has written every line', async () => (await sizeOf()) >= load.bytes, 300_000, 5);
    return { eventsPerS: load.events / ((Date.now() - load.startedMs) / 1_000), loadCpuS: load.cpuS };
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
    await rm(folder, { recursive: true, force: true });
  }
}

function configuration(folder: string, output: string, port: number, queue: keyof typeof QUEUES): string {
  return `global(workDirectory="${folder}/spool")
main_queue(${QUEUES[queue]})
module(load="imtcp")
template(name="asSent" type="string" string="%rawmsg%\\n")
input(type="imtcp" address="127.0.0.1" port="${port}")
action(type="omfile" file="${output}" template="asSent" ioBufferSize="256k" flushOnTXEnd="on")
`;
}

async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return (await new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).finally(() => socket.destroy())) as boolean;
}
