/**
 * Decompresses a body. It may be several compressed parts one after the other, as `cat a.zst b.zst` and pzstd make it:
 * all of them are read, and bytes that are no part are refused, so that nothing of a body is passed over in silence.
 */
import type { Transform } from 'node:stream';
import { createGunzip, createInflate, createInflateRaw, createZstdDecompress } from 'node:zlib';
import { messageOf, SpillwayError } from '../../../lib/errors.ts';
import type { CollectLimits } from '../../../lib/limits.ts';
import { type BodyShare, bodyTooLarge, joinPieces } from './body-budget.ts';

const OUTPUT_CHUNK_BYTES = 64 * 1_024;

export type Compression = 'gzip' | 'deflate' | 'zstd';

/** Undefined where the body comes as it is. Throws UNSUPPORTED_MEDIA_TYPE. */
export function compressionOf(header: string | undefined): Compression | undefined {
  const name = (header ?? '').trim().toLowerCase();
  if (name === '' || name === 'identity') return undefined;
  if (name === 'gzip' || name === 'x-gzip') return 'gzip';
  if (name === 'deflate' || name === 'zstd') return name;
  throw new SpillwayError(
    'UNSUPPORTED_MEDIA_TYPE',
    'This Content-Encoding is not known here; send gzip, deflate, zstd or none.',
  );
}

/** Throws BODY_TOO_LARGE, TOO_MANY_REQUESTS, BAD_REQUEST. */
export async function decompress(
  sent: Buffer,
  compression: Compression,
  share: BodyShare,
  limits: CollectLimits,
): Promise<Buffer> {
  const { httpDecompressedBytes: limit, httpCompressedParts: mostParts } = limits;
  const chunks: Buffer[] = [];
  let size = 0;
  const take = (chunk: Buffer): void => {
    size += chunk.length;
    if (size > limit) throw bodyTooLarge(`The body has more than ${limit} bytes when it is decompressed`);
    share.take(chunk.length);
    // A small one must not hold on to the memory of a whole chunk.
    chunks.push(chunk.length < OUTPUT_CHUNK_BYTES / 2 ? Buffer.from(chunk) : chunk);
  };
  let at = 0;
  for (let parts = 1; at < sent.length; parts++) {
    if (parts > mostParts) throw bodyTooLarge(`The body has more than ${mostParts} compressed parts`);
    at += await readPart(sent.subarray(at), compression, take);
  }
  const body = joinPieces(chunks, size, share);
  share.giveBack(sent.length);
  return body;
}

/** The part that the bytes begin with (of gzip, all that follow each other); how many bytes it has. */
async function readPart(bytes: Buffer, compression: Compression, take: (chunk: Buffer) => void): Promise<number> {
  const decompressor = decompressorOf(bytes, compression);
  decompressor.end(bytes);
  try {
    for await (const chunk of decompressor as AsyncIterable<Buffer>) take(chunk);
  } catch (cause) {
    if (cause instanceof SpillwayError) throw cause;
    throw new SpillwayError('BAD_REQUEST', `The body is not valid ${compression}: ${messageOf(cause)}.`, { cause });
  }
  return decompressor.bytesWritten;
}

function decompressorOf(bytes: Buffer, compression: Compression): Transform & { readonly bytesWritten: number } {
  const options = { chunkSize: OUTPUT_CHUNK_BYTES };
  if (compression === 'gzip') return createGunzip(options);
  if (compression === 'zstd') return createZstdDecompress(options);
  // RFC 9110 means the zlib format by "deflate", and some clients send bare deflate.
  const [first = 0, second = 0] = bytes;
  const isZlib = (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0;
  return isZlib ? createInflate(options) : createInflateRaw(options);
}
