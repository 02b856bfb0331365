/**
 * Where a partition's durable data ended when its writer last came to rest, in a small file of its own: it proves to
 * recovery that bytes before it had been durable, also in the very last group, and tells readers the end while no
 * writer runs. It is a hint with a checksum: absent, old or broken it is ignored.
 */
import { join } from 'node:path';
import { crc32c } from '@node-rs/crc32';
import type { Disk } from '../../lib/disk.ts';
import { readWhole, replaceFile } from '../../lib/disk-files.ts';
import { DURABLE_FILE } from './names.ts';

export interface DurablePoint {
  /** Name of the segment. */
  readonly segment: string;
  /** Everything before this byte of it is durable. */
  readonly position: number;
  /** The offset after the last record before it. */
  readonly nextOffset: number;
}

export async function writeDurablePoint(disk: Disk, folder: string, point: DurablePoint): Promise<void> {
  const body = `${point.segment} ${point.position} ${point.nextOffset}`;
  await replaceFile(disk, join(folder, DURABLE_FILE), Buffer.from(`${body} ${crc32c(body).toString(16)}\n`));
}

export async function readDurablePoint(disk: Disk, folder: string): Promise<DurablePoint | undefined> {
  const bytes = await readWhole(disk, join(folder, DURABLE_FILE));
  const match = /^((\S+) (\d+) (\d+)) ([0-9a-f]{1,8})\n$/.exec(bytes?.toString('latin1') ?? '');
  if (match === null || crc32c(match[1] ?? '').toString(16) !== match[5]) return undefined;
  return { segment: match[2] ?? '', position: Number(match[3]), nextOffset: Number(match[4]) };
}
