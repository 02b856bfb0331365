/**
 * Cuts a stream of bytes into batches of whole lines. A batch goes out when it is full, or when nothing more has come
 * for a moment: so a file travels in large pieces, and a line typed or followed (`tail -f … | spillway send`) at once.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SpillwayError } from '../lib/errors.ts';

export interface LineBatch {
  /** Whole lines, each with its line break (but the last of the stream, perhaps). */
  readonly bytes: Buffer<ArrayBuffer>;
  readonly lines: number;
}

export interface LineBatchOptions {
  readonly maxBytes: number;
  /** A single line longer than this is refused. */
  readonly maxLineBytes: number;
  readonly idleMs: number;
}

const LF = 0x0a;

export async function* lineBatches(
  input: AsyncIterable<Uint8Array>,
  options: LineBatchOptions,
): AsyncGenerator<LineBatch> {
  const chunks = input[Symbol.asyncIterator]();
  const held = new Held(options.maxLineBytes);
  let coming = chunks.next();
  for (;;) {
    const result = held.hasLines ? await soon(coming, options.idleMs) : await coming;
    if (result === 'idle') {
      yield held.takeLines();
      continue;
    }
    if (result.done === true) break;
    held.add(result.value);
    coming = chunks.next();
    if (held.lineBytes >= options.maxBytes) yield held.takeLines();
  }
  const rest = held.takeAll();
  if (rest.bytes.length > 0) yield rest;
}

async function soon<T>(coming: Promise<T>, idleMs: number): Promise<T | 'idle'> {
  const waiting = new AbortController();
  const idle = delay(idleMs, 'idle' as const, { signal: waiting.signal }).catch((): 'idle' => 'idle');
  try {
    return await Promise.race([coming, idle]);
  } finally {
    waiting.abort();
  }
}

class Held {
  readonly #maxLineBytes: number;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  /** Bytes up to the last line break. */
  lineBytes = 0;
  #lines = 0;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  get hasLines(): boolean {
    return this.lineBytes > 0;
  }

  add(chunk: Uint8Array): void {
    const lastBreak = chunk.lastIndexOf(LF);
    if (lastBreak >= 0) {
      this.lineBytes = this.#bytes + lastBreak + 1;
      this.#lines += breaksIn(chunk);
    }
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes - this.lineBytes <= this.#maxLineBytes) return;
    throw new SpillwayError(
      'MESSAGE_TOO_LARGE',
      `A line is longer than ${this.#maxLineBytes} bytes. Is this a file of lines?`,
    );
  }

  takeLines(): LineBatch {
    const all = Buffer.concat(this.#chunks, this.#bytes);
    const taken = { bytes: all.subarray(0, this.lineBytes), lines: this.#lines };
    const rest = all.subarray(this.lineBytes);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#bytes = rest.length;
    this.lineBytes = 0;
    this.#lines = 0;
    return taken;
  }

  takeAll(): LineBatch {
    const hasOpenLine = this.#bytes > this.lineBytes;
    return { bytes: Buffer.concat(this.#chunks, this.#bytes), lines: this.#lines + (hasOpenLine ? 1 : 0) };
  }
}

function breaksIn(chunk: Uint8Array): number {
  let breaks = 0;
  for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) breaks++;
  return breaks;
}
