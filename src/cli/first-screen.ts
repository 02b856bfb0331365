/** What a person sees when Spillway is ready: what listens where, the console, and one line to try. */
import { relative } from 'node:path';
import type { LoadedConfig } from '../config/load.ts';
import type { Listening } from '../roles/messages.ts';
import type { Output } from './output.ts';

export function firstScreen(
  output: Output,
  loaded: LoadedConfig,
  listening: readonly Listening[],
  tookMs: number,
): string {
  const { config, file } = loaded;
  const rows = listening.map((socket): [string, string] => [
    socket.what,
    `${bracketed(socket.address)}:${socket.port}`,
  ]);
  const http =
    listening.find((socket) => socket.what === 'http') ?? listening.find((socket) => socket.what === 'store');
  const width = Math.max(8, ...rows.map(([what]) => what.length)) + 2;
  const folder = relative(process.cwd(), config.data);
  const lines = [
    `${output.style(['bold', 'green'], 'Spillway is ready')} after ${(tookMs / 1000).toFixed(1)} s.`,
    '',
    ...rows.map(([what, where]) => `  ${what.padEnd(width)}${where}`),
    `  ${'data'.padEnd(width)}${folder === '' || folder.startsWith('..') ? config.data : `./${folder}`}`,
    `  ${'config'.padEnd(width)}${file ?? 'defaults (no spillway.yaml here)'}`,
  ];
  if (http !== undefined) {
    const url = `http://${bracketed(reachable(http.address))}:${http.port}`;
    lines.push('', `  ${output.style('bold', 'console')}  ${output.style('cyan', url)}`);
    if (http.what === 'http')
      lines.push(`  ${output.style('bold', 'try')}      curl -d 'Hello from me' ${url}/api/logs`);
  }
  lines.push('', '  Ctrl-C stops it.');
  return lines.join('\n');
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** An address to type where it listens on all. */
function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}
