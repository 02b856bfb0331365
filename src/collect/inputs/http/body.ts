/** Reads a request's body: bounded in bytes and time, decompressed, counted in a budget that all bodies share. */
import type { IncomingMessage } from 'node:http';
import { SpillwayError } from '../../../lib/errors.ts';
import type { CollectLimits } from '../../../lib/limits.ts';
import { type BodyShare, bodyTooLarge, joinPieces } from './body-budget.ts';
import { type Compression, decompress } from './decompress.ts';

/** Throws BODY_TOO_LARGE, REQUEST_TIMEOUT, TOO_MANY_REQUESTS, BAD_REQUEST. */
export async function readBody(
  request: IncomingMessage,
  compression: Compression | undefined,
  share: BodyShare,
  limits: CollectLimits,
): Promise<Buffer> {
  const sent = await receive(request, share, limits);
  return compression === undefined ? sent : await decompress(sent, compression, share, limits);
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
        if (size > limit) throw bodyTooLarge(`The body has more than ${limit} bytes`);
        share.take(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        fail(error);
      }
    };
    const onEnd = (): void => {
      settle();
      try {
        resolve(joinPieces(chunks, size, share));
      } catch (error) {
        reject(error);
      }
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
    if (announced > limit) fail(bodyTooLarge(`The body has ${announced} bytes, and ${limit} are taken`));
  });
}
