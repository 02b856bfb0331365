/** What the kernel dropped because a UDP socket's buffer was full: the last column of /proc/net/udp (Linux only). */
import { readFile } from 'node:fs/promises';

const TABLES = ['/proc/net/udp', '/proc/net/udp6'];
const LOCAL_ADDRESS = 1;

/** Drops since the sockets on this local port were bound, all of them together; 0 where there is no such table. */
export async function kernelUdpDrops(port: number, tables: readonly string[] = TABLES): Promise<number> {
  const texts = await Promise.all(tables.map((table) => readFile(table, 'utf8').catch(() => '')));
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return texts
    .flatMap((text) => text.split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[LOCAL_ADDRESS]?.endsWith(suffix))
    .reduce((sum, columns) => sum + (Number(columns.at(-1)) || 0), 0);
}
