import { describe, expect, it } from 'vitest';
import { COLLECT_LIMITS } from '../../../lib/limits.ts';
import { frame, frameText } from './framing.fixture.ts';
import { UnfinishedBudget } from './unfinished.ts';

const LIMIT = COLLECT_LIMITS.messageBytes;

describe('both framings in one stream', () => {
  it('ends a message at a line feed, and leaves line feeds, carriage returns and NULs at its end out', () => {
    expect(frameText('<1>a\n<2>b\r\n<3>c\n\0<4>d\0\n\n\r\n<5>e\n').messages).toEqual([
      '<1>a',
      '<2>b',
      '<3>c',
      '<4>d',
      '<5>e',
    ]);
  });

  it('takes as many bytes as a count says, line feeds among them', () => {
    expect(frameText('8 <1>a\nb\nc7 <2>abcd<3>d\n5 <4>e\n').messages).toEqual([
      '<1>a\nb\nc',
      '<2>abcd',
      '<3>d',
      '<4>e',
    ]);
  });

  it('takes a digit that begins a line of text for text', () => {
    for (const line of ['2026-11-23 up', '17 ducks', '0 <1>a', '1234567890 <1>a', '5', '5 ', '99999999 <1>a']) {
      expect(frameText(`${line}\n<1>b\n`).messages).toEqual([line, '<1>b']);
    }
  });

  it('keeps a half frame at the end of the stream', () => {
    expect(frameText('<1>a\n<2>ha').messages).toEqual(['<1>a', '<2>ha']);
    expect(frameText('20 <2>ha').messages).toEqual(['<2>ha']);
    expect(frameText('<1>a\n12').messages).toEqual(['<1>a', '12']);
  });
});

describe('wrong counts lose nothing', () => {
  it('keeps what a count too small leaves over as a line', () => {
    expect(frameText('6 <1>abcdef\n<2>b\n').messages).toEqual(['<1>abc', 'def', '<2>b']);
  });

  it('puts what a count too large takes from the next frame into one message', () => {
    expect(frameText('12 <1>abc\n<2>b\n<3>c\n').messages).toEqual(['<1>abc\n<2>b', '<3>c']);
  });

  it('does not believe a count above what is kept of a message', () => {
    const { oversizedBytes } = COLLECT_LIMITS;
    expect(frameText(`${oversizedBytes + 1} <1>a\n<2>b\n`).messages).toEqual([`${oversizedBytes + 1} <1>a`, '<2>b']);
    expect(frameText(`${oversizedBytes} <1>a\n<2>b\n`).oversized).toEqual(['<1>a\n<2>b\n']);
  });
});

describe('garbage', () => {
  it('is told from text, keeps every byte, and goes together', () => {
    const found = frameText('<1>a\n\x16\x03\x01\x02\n\x01\x02\n<2>b\nplain text\n\x7f\n');
    expect(found.messages).toEqual(['<1>a', '<2>b', 'plain text']);
    expect(found.garbage).toEqual(['\x16\x03\x01\x02\n\x01\x02', '\x7f']);
  });

  it('is not a line in another encoding, with colours or tabs', () => {
    expect(frameText('caf\xe9\t\x1b[31mred\n').messages).toEqual(['caf\xe9\t\x1b[31mred']);
  });

  it('is kept where the stream ends in it', () => {
    expect(frameText('\x00\x01\x02').garbage).toEqual(['\x01\x02']);
  });
});

describe('a message at the limit', () => {
  const longest = `<1>${'x'.repeat(LIMIT - 3)}`;

  it.each([
    ['with a line feed', `${longest}\n`],
    ['with a carriage return and a line feed', `${longest}\r\n`],
    ['with a count', `${LIMIT} ${longest}`],
    ['at the end of the stream', longest],
  ])('is a message %s', (_, bytes) => {
    for (const chunks of [[bytes], halves(bytes)]) {
      const found = frameText(...chunks);
      expect(found.messages.map(({ length }) => length)).toEqual([LIMIT]);
      expect(found.oversized).toEqual([]);
    }
  });

  it.each([
    ['with a line feed', `${longest}y\n<2>b\n`],
    ['with a count', `${LIMIT + 1} ${longest}y<2>b\n`],
  ])('is oversized one byte past it %s, and the next message is a message', (_, bytes) => {
    for (const chunks of [[bytes], halves(bytes), thirds(bytes)]) {
      const found = frameText(...chunks);
      expect(found.oversized).toEqual([`${longest}y`]);
      expect(found.messages).toEqual(['<2>b']);
    }
  });
});

it('gives up memory for unfinished messages past their budget, and keeps their bytes as oversized', () => {
  const budget = new UnfinishedBudget(4_096);
  const found = frame(
    [Buffer.from(`<1>${'a'.repeat(4_000)}`), Buffer.from('b'.repeat(4_000)), Buffer.from('c\n<2>d\n')],
    budget,
  );
  expect(found.oversized).toEqual([`<1>${'a'.repeat(4_000)}${'b'.repeat(4_000)}c`]);
  expect(found.messages).toEqual(['<2>d']);
  expect(budget.usedBytes).toBe(0);
});

const halves = (text: string): string[] => [text.slice(0, text.length / 2), text.slice(text.length / 2)];
const thirds = (text: string): string[] => [text.slice(0, 3), text.slice(3, LIMIT), text.slice(LIMIT)];
