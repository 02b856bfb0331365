import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type LineBatch, lineBatches } from './line-batches.ts';

const options = { maxBytes: 64, maxLineBytes: 100, idleMs: 60_000 };

async function* chunksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function collect(batches: AsyncIterable<LineBatch>): Promise<LineBatch[]> {
  return Array.fromAsync(batches);
}

test('nothing is lost, added or cut within a line, however the bytes come', async () => {
  const lines = fc.array(fc.stringMatching(/^[a-z é]{0,40}$/), { maxLength: 30 });
  const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(lines, fc.boolean(), sizes, async (parts, endsWithBreak, pieces) => {
      const text = parts.join('\n') + (endsWithBreak && parts.length > 0 ? '\n' : '');
      const bytes = Buffer.from(text);
      const batches = await collect(lineBatches(chunksOf(bytes, pieces), options));
      expect(Buffer.concat(batches.map((batch) => batch.bytes)).toString()).toBe(text);
      const breaks = text.split('\n').length - 1;
      const open = text === '' || text.endsWith('\n') ? 0 : 1;
      expect(batches.reduce((sum, batch) => sum + batch.lines, 0)).toBe(breaks + open);
      for (const batch of batches.slice(0, -1)) expect(batch.bytes.at(-1)).toBe(0x0a);
    }),
  );
});

test('a line that is typed goes out although the stream stays open', async () => {
  const typed = new PassThrough();
  const batches = lineBatches(typed, { ...options, idleMs: 1 });
  typed.write('first\nhalf of the sec');
  const first = await batches.next();
  expect(first.value?.bytes.toString()).toBe('first\n');
  typed.write('ond\n');
  const second = await batches.next();
  expect(second.value?.bytes.toString()).toBe('half of the second\n');
  typed.end();
  expect((await batches.next()).done).toBe(true);
});

test('a line at the limit passes, one byte more is refused', async () => {
  const atLimit = Buffer.alloc(options.maxLineBytes, 'x');
  expect(await collect(lineBatches(chunksOf(atLimit, [7]), options))).toHaveLength(1);
  const past = Buffer.alloc(options.maxLineBytes + 1, 'x');
  await expect(collect(lineBatches(chunksOf(past, [7]), options))).rejects.toThrow(/longer than 100 bytes/);
});
