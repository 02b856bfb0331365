/** What a body takes of the memory that all have together, to the byte. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { COLLECT_LIMITS } from '../../../lib/limits.ts';
import { readBody } from './body.ts';
import { BodyBudget } from './body-budget.ts';
import type { Compression } from './decompress.ts';

/** Longer than one piece of what is decompressed. */
const PLAIN = Buffer.alloc(200_000, 'x');

async function read(pieces: readonly Buffer[], compression: Compression | undefined, limitBytes: number) {
  const used: number[] = [];
  const budget = new BodyBudget((bytes) => used.push(bytes), limitBytes);
  const share = budget.open();
  const request = Object.assign(Readable.from(pieces), { headers: {} }) as unknown as IncomingMessage;
  try {
    const body = await readBody(request, compression, share, COLLECT_LIMITS);
    expect(body.equals(PLAIN)).toBe(true);
    return { left: used.at(-1), most: Math.max(...used) };
  } finally {
    share.close();
    expect(used.at(-1)).toBe(0);
  }
}

it.each([
  ['gzip', gzipSync(PLAIN)],
  ['zstd', zstdCompressSync(PLAIN)],
] as const)('while the pieces of %s are put together they count twice, beside what was sent', async (kind, sent) => {
  const most = sent.length + 2 * PLAIN.length;
  expect(await read([sent], kind, most)).toEqual({ left: PLAIN.length, most });
  await expect(read([sent], kind, most - 1)).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' });
});

it('so do the pieces of one that comes as it is, and one that comes in one piece counts once', async () => {
  const pieces = [PLAIN.subarray(0, 1), PLAIN.subarray(1)];
  expect(await read(pieces, undefined, 2 * PLAIN.length)).toMatchObject({ left: PLAIN.length });
  await expect(read(pieces, undefined, 2 * PLAIN.length - 1)).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' });
  expect(await read([PLAIN], undefined, PLAIN.length)).toMatchObject({ left: PLAIN.length });
});
