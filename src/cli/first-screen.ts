/** What a person sees when Spillway is ready: the console, one line to try, and what listens where. */
import { relative } from 'node:path';
import type { LoadedConfig } from '../config/load.ts';
import type { Listening } from '../roles/messages.ts';
import type { Output } from './output.ts';

const FRONT_DOOR = 'http';
const STORE = 'store';

export function firstScreen(
  output: Output,
  loaded: LoadedConfig,
  { listening, waitsFor }: { readonly listening: readonly Listening[]; readonly waitsFor: readonly string[] },
  tookMs: number,
): string {
  const http = listening.find(({ what }) => what === FRONT_DOOR);
  // With a front door the store is reached through it, and its own port is nobody's business.
  const shown = listening.filter(({ what }) => what !== STORE || http === undefined);
  const rows = [
    ...socketRows(shown),
    ['data', folderText(loaded.config.data)],
    ['config', loaded.file ?? 'defaults (there is no spillway.yaml)'],
  ] as const;
  const lines = [`${output.style(['bold', 'green'], 'Spillway is ready')} after ${(tookMs / 1000).toFixed(1)} s.`, ''];
  if (http !== undefined) {
    const url = `http://${bracketed(reachable(http.address))}:${http.port}`;
    // A collector that runs alone has no store to ask. One that waits listens later.
    const hasStore = shown.length < listening.length || waitsFor.length > 0;
    if (hasStore) lines.push(`  ${output.style('bold', 'console')}  ${output.style('cyan', url)}`);
    lines.push(`  ${output.style('bold', 'try')}      curl -d 'Hello from me' ${url}/api/logs`, '');
  }
  const width = Math.max(...rows.map(([what]) => what.length));
  for (const [what, where] of rows) lines.push(`  ${what.padEnd(width)}  ${where}`);
  if (waitsFor.length > 0) {
    const what = 'What is sent is accepted and kept on this disk; it is processed and found later.';
    lines.push('', ...waitsFor.map((text) => `  ${output.style('yellow', text)}`), `  ${what}`);
  }
  lines.push('', '  Ctrl-C stops it.');
  return lines.join('\n');
}

/** `syslog TCP` and `syslog UDP` on one port are one line. */
function socketRows(listening: readonly Listening[]): [string, string][] {
  const groups = Map.groupBy(
    listening,
    ({ what, address, port }) => `${what.split(' ')[0]} ${bracketed(address)}:${port}`,
  );
  return [...groups].map(([key, sockets]) => {
    const [what = '', where = ''] = key.split(' ');
    const protocols = sockets.flatMap((socket) => socket.what.split(' ').slice(1)).toSorted();
    return [what, protocols.length === 0 ? where : `${where} ${protocols.join(' and ')}`];
  });
}

function folderText(folder: string): string {
  const inside = relative(process.cwd(), folder);
  return inside === '' || inside.startsWith('..') ? folder : `./${inside}`;
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** An address to type where it listens on all. */
function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}
