import fc from 'fast-check';
import { expect, it } from 'vitest';
import { frame } from './framing.fixture.ts';

const HOSTILE = fc.constantFrom(
  '<13>a',
  '<1>',
  '\n',
  '\r\n',
  '\0',
  '5 <1>ab',
  '3 <',
  '99 ',
  '7',
  ' ',
  '\x16',
  'text',
  '0',
  '12345 <9>z',
);
const FRAMES = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 40 }).map((text) => `<13>${text.replaceAll(/[\n]/g, '')}\n`),
  fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 }).map((text) => `${text.length + 4} <13>${text}`),
  HOSTILE,
);
const STREAM = fc.array(FRAMES, { maxLength: 30 }).map((parts) => Buffer.from(parts.join(''), 'latin1'));

it('finds the same however the stream is cut into chunks', () => {
  fc.assert(
    fc.property(STREAM, fc.array(fc.nat(400), { maxLength: 40 }), (stream, cuts) => {
      const whole = frame([stream]);
      const cut = frame(chunksOf(stream, cuts));
      expect(cut.messages).toEqual(whole.messages);
      // How garbage is grouped depends on the chunks; its bytes do not.
      expect(withoutFraming(cut.garbage)).toEqual(withoutFraming(whole.garbage));
      expect(cut.oversized).toEqual(whole.oversized);
    }),
    { numRuns: 2_000 },
  );
});

it('finds well-formed messages as they were sent', () => {
  const text = fc
    .string({ unit: 'binary-ascii', minLength: 1, maxLength: 60 })
    .map((body) => `<13>1 ${body.replaceAll(/[\n\r\0]/g, '_')}`);
  fc.assert(
    fc.property(fc.array(fc.tuple(text, fc.boolean()), { maxLength: 20 }), fc.array(fc.nat(800)), (sent, cuts) => {
      const stream = sent
        .map(([message, counted]) => (counted ? `${message.length} ${message}` : `${message}\n`))
        .join('');
      const { messages, garbage, oversized } = frame(chunksOf(Buffer.from(stream, 'latin1'), cuts));
      expect(messages).toEqual(sent.map(([message]) => message));
      expect([garbage, oversized]).toEqual([[], []]);
    }),
    { numRuns: 1_000 },
  );
});

it('loses no byte but framing, whatever is sent', () => {
  const bytes = fc.oneof(
    STREAM,
    fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
  );
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(400)), (stream, cuts) => {
      const { messages, garbage, oversized } = frame(chunksOf(stream, cuts));
      const kept = count([...messages, ...garbage, ...oversized].join(''));
      const sent = count(stream.toString('latin1'));
      // Digits and spaces may have been counts; line feeds, carriage returns and NULs framing.
      for (const [byte, times] of sent) {
        if (!/[\d \n\r\0]/.test(byte)) expect([byte, kept.get(byte) ?? 0]).toEqual([byte, times]);
      }
    }),
    { numRuns: 2_000 },
  );
});

function chunksOf(stream: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set([0, ...cuts.filter((cut) => cut < stream.length), stream.length])].sort((a, b) => a - b);
  return places.slice(1).map((end, i) => stream.subarray(places[i], end));
}

const withoutFraming = (parts: readonly string[]): string => parts.join('').replaceAll(/[\n\r\0]/g, '');

function count(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const byte of text) counts.set(byte, (counts.get(byte) ?? 0) + 1);
  return counts;
}
