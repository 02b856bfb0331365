/** Real senders: nginx writes its access log by syslog to rsyslog, which forwards it over TCP with octet counting. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './needs.ts';
import { freePort } from './ports.ts';
import { until } from './spillway.ts';

export interface Senders {
  /** Where nginx answers. */
  readonly url: string;
  /** Drives nginx with wrk; resolves with the number of requests that it completed. */
  drive(seconds: number, requestsPerSecond: number): Promise<number>;
  stop(): Promise<void>;
}

export async function startNginxThroughRsyslog(syslogPort: number): Promise<Senders> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-senders-'));
  const [httpPort, relayPort] = [await freePort(), await freePort()];
  await mkdir(join(folder, 'spool'));
  await mkdir(join(folder, 'www'));
  await writeFile(join(folder, 'www/index.html'), 'hello');
  await writeFile(join(folder, 'rsyslog.conf'), rsyslogConfiguration(folder, relayPort, syslogPort));
  await writeFile(join(folder, 'nginx.conf'), nginxConfiguration(folder, httpPort, relayPort));
  const children = [
    start('rsyslogd', ['-n', '-f', join(folder, 'rsyslog.conf'), '-i', join(folder, 'rsyslog.pid')]),
    start('nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder, '-g', 'daemon off;']),
  ];
  const url = `http://127.0.0.1:${httpPort}`;
  await until('nginx answers', async () => (await fetch(`${url}/`)).ok);
  return {
    url,
    drive: (seconds, rate) => drive(folder, url, seconds, rate),
    stop: async () => {
      for (const child of children) await end(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function rsyslogConfiguration(folder: string, relayPort: number, syslogPort: number): string {
  return `global(workDirectory="${folder}/spool")
module(load="imudp")
input(type="imudp" address="127.0.0.1" port="${relayPort}" rcvbufSize="8m")
action(type="omfwd" target="127.0.0.1" port="${syslogPort}" protocol="tcp" TCP_Framing="octet-counted"
  template="RSYSLOG_SyslogProtocol23Format" action.resumeRetryCount="-1" action.resumeInterval="1"
  queue.type="LinkedList" queue.size="2000000")
`;
}

function nginxConfiguration(folder: string, httpPort: number, relayPort: number): string {
  return `user root;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  access_log syslog:server=127.0.0.1:${relayPort},tag=nginx combined;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  keepalive_requests 100000000;
  server { listen 127.0.0.1:${httpPort}; root ${folder}/www; }
}
`;
}

async function drive(folder: string, url: string, seconds: number, rate: number): Promise<number> {
  const connections = 60;
  // An answer itself takes about a millisecond.
  const delayMs = Math.max(1, Math.round((1000 * connections) / rate) - 1);
  const script = join(folder, 'slow.lua');
  await writeFile(script, `function delay() return ${delayMs} end\n`);
  const wrk = start('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, `${url}/index.html`]);
  let text = '';
  wrk.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(wrk, 'close');
  const requests = /(\d+) requests in/.exec(text)?.[1];
  if (requests === undefined) throw new Error(`wrk said: ${text}`);
  return Number(requests);
}

function start(program: string, args: readonly string[]): ChildProcess {
  return spawn(findProgram(program) ?? program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
