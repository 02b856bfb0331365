/** Reads a request's body: bounded in bytes and time, decompressed, counted in a budget that all bodies share. */
import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { createGunzip, createInflate, createInflateRaw, createZstdDecompress } from 'node:zlib';
import { messageOf, SpillwayError } from '../../../lib/errors.ts';
import type { CollectLimits } from '../../../lib/limits.ts';

const OUTPUT_CHUNK_BYTES = 64 * 1_024;
const BUSY_RETRY_S = 1;

/** Memory of the bodies under way. */
export class BodyBudget {
  readonly limitBytes: number;
  readonly #onChange: (usedBytes: number) => void;
  #usedBytes = 0;

  constructor(onChange: (usedBytes: number) => void, limitBytes: number) {
    this.limitBytes = limitBytes;
    this.#onChange = onChange;
  }

  open(): BodyShare {
    let heldBytes = 0;
    const change = (bytes: number): void => {
      heldBytes += bytes;
      this.#usedBytes += bytes;
      this.#onChange(this.#usedBytes);
    };
    return {
      take: (bytes) => {
        if (this.#usedBytes + bytes > this.limitBytes) {
          throw new SpillwayError(
            'TOO_MANY_REQUESTS',
            `The bodies of the requests under way have ${this.limitBytes} bytes together; send this one again.`,
            { retryAfterS: BUSY_RETRY_S },
          );
        }
        change(bytes);
      },
      giveBack: (bytes) => change(-bytes),
      close: () => change(-heldBytes),
    };
  }
}

/** What one body holds of the budget. */
export interface BodyShare {
  /** Throws TOO_MANY_REQUESTS. */
  take(bytes: number): void;
  giveBack(bytes: number): void;
  /** Gives back all of it. */
  close(): void;
}

type Encoding = 'identity' | 'gzip' | 'deflate' | 'zstd';

/** Throws UNSUPPORTED_MEDIA_TYPE. */
export function encodingOf(header: string | undefined): Encoding {
  const name = (header ?? '').trim().toLowerCase();
  if (name === '' || name === 'identity') return 'identity';
  if (name === 'gzip' || name === 'x-gzip') return 'gzip';
  if (name === 'deflate' || name === 'zstd') return name;
  throw new SpillwayError(
    'UNSUPPORTED_MEDIA_TYPE',
    'This Content-Encoding is not known here; send gzip, deflate, zstd or none.',
  );
}

/** Throws BODY_TOO_LARGE, REQUEST_TIMEOUT, TOO_MANY_REQUESTS, BAD_REQUEST. */
export async function readBody(
  request: IncomingMessage,
  encoding: Encoding,
  share: BodyShare,
  limits: CollectLimits,
): Promise<Buffer> {
  const sent = await receive(request, share, limits);
  return encoding === 'identity' || sent.length === 0
    ? sent
    : await decompress(sent, encoding, share, limits.httpDecompressedBytes);
}

function receive(request: IncomingMessage, share: BodyShare, limits: CollectLimits): Promise<Buffer> {
  const { httpBodyBytes: limit, httpBodyTimeoutMs } = limits;
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      settle();
      // The rest is read and thrown away, so that the client comes to read the answer.
      request.resume();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      try {
        if (size > limit) throw tooLarge(`The body has more than ${limit} bytes`);
        share.take(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        fail(error);
      }
    };
    const onEnd = (): void => {
      settle();
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size));
    };
    const onClose = (): void => fail(new SpillwayError('BAD_REQUEST', 'The connection ended before the body did.'));
    const onTimeout = (): void => {
      const seconds = httpBodyTimeoutMs / 1_000;
      fail(new SpillwayError('REQUEST_TIMEOUT', `The body did not come within ${seconds} s; send smaller ones.`));
    };
    const timer = setTimeout(onTimeout, httpBodyTimeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
    };
    const announced = Number(request.headers['content-length'] ?? 0);
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    if (announced > limit) fail(tooLarge(`The body has ${announced} bytes, and ${limit} are taken`));
  });
}

async function decompress(
  sent: Buffer,
  encoding: Exclude<Encoding, 'identity'>,
  share: BodyShare,
  limit: number,
): Promise<Buffer> {
  const decompressor = decompressorOf(sent, encoding);
  const chunks: Buffer[] = [];
  let size = 0;
  decompressor.end(sent);
  try {
    for await (const chunk of decompressor as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw tooLarge(`The body has more than ${limit} bytes when it is decompressed`);
      share.take(chunk.length);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof SpillwayError) throw error;
    throw new SpillwayError('BAD_REQUEST', `The body is not valid ${encoding}: ${messageOf(error)}.`, { cause: error });
  }
  share.giveBack(sent.length);
  return Buffer.concat(chunks, size);
}

function decompressorOf(sent: Buffer, encoding: Exclude<Encoding, 'identity'>): Transform {
  const options = { chunkSize: OUTPUT_CHUNK_BYTES };
  if (encoding === 'gzip') return createGunzip(options);
  if (encoding === 'zstd') return createZstdDecompress(options);
  // RFC 9110 means the zlib format by "deflate", and some clients send bare deflate.
  const isZlib = ((sent[0] ?? 0) & 0x0f) === 8 && (((sent[0] ?? 0) << 8) | (sent[1] ?? 0)) % 31 === 0;
  return isZlib ? createInflate(options) : createInflateRaw(options);
}

const tooLarge = (what: string): SpillwayError =>
  new SpillwayError('BODY_TOO_LARGE', `${what}; send several smaller ones.`);
