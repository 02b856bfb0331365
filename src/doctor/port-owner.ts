/** Which process has a port, as Linux tells (other users' processes to root only). */
import { readdir, readFile, readlink } from 'node:fs/promises';

export type Transport = 'tcp' | 'udp';

export interface PortOwner {
  readonly pid: number;
  readonly parentPid: number;
  /** As `ps` shows it, shortened. */
  readonly command: string;
}

const LISTENING = { tcp: '0A', udp: '07' } as const;
const COMMAND_CHARS = 120;

/** Undefined where nobody has it, or it cannot be seen. */
export async function ownerOf(transport: Transport, port: number): Promise<PortOwner | undefined> {
  const inodes = new Set<string>();
  for (const table of [transport, `${transport}6`]) {
    const lines = (await readFile(`/proc/net/${table}`, 'utf8').catch(() => '')).split('\n').slice(1);
    for (const line of lines) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      const isPort = Number.parseInt(local.split(':').at(-1) ?? '', 16) === port;
      if (isPort && state === LISTENING[transport]) inodes.add(`socket:[${inode}]`);
    }
  }
  return inodes.size === 0 ? undefined : holderOf(inodes);
}

async function holderOf(sockets: ReadonlySet<string>): Promise<PortOwner | undefined> {
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    for (const fd of await readdir(`/proc/${name}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${name}/fd/${fd}`).catch(() => '');
      if (sockets.has(target)) return describe(Number(name));
    }
  }
  return undefined;
}

async function describe(pid: number): Promise<PortOwner> {
  const [command, status] = await Promise.all([
    readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
    readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''),
  ]);
  const parentPid = Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1] ?? 0);
  return { pid, parentPid, command: command.split('\0').join(' ').trim().slice(0, COMMAND_CHARS) };
}
