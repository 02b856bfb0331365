/** How full a file system is, as a port: tests fill a disk by saying so. */
import { statfs } from 'node:fs/promises';

export interface DiskSpace {
  /** What may still be written without special rights. */
  readonly freeBytes: number;
  /** As `df` shows it: blocks that the file system keeps for root count as neither used nor free. From 0 to 100. */
  readonly usedPercent: number;
}

/** Asks for the file system that holds the path. Fails with Node's system errors. */
export type AskSpace = (path: string) => Promise<DiskSpace>;

export const nodeSpace: AskSpace = async (path) => {
  const { bsize, blocks, bfree, bavail } = await statfs(path);
  const used = blocks - bfree;
  const all = used + bavail;
  return { freeBytes: bavail * bsize, usedPercent: all === 0 ? 100 : (100 * used) / all };
};
