import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CursorOwner, readCursor, writeCursor } from './cursor.ts';

const cursor = { fromMs: 1, toMs: 2_000, after: { timestampMs: 1_500, id: 'local.raw.0.7.0' } };
const owner: CursorOwner = ['default', 'app:web', 'now-1h', 'now', 'desc'];

describe('a cursor', () => {
  it('is read back by the question that it belongs to', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.nat(),
        fc.nat(),
        fc.string(),
        fc.array(fc.string()),
        (fromMs, toMs, timestampMs, id, of) => {
          const page = { fromMs, toMs, after: { timestampMs, id } };
          expect(readCursor(writeCursor(page, of), of)).toEqual(page);
        },
      ),
    );
  });

  it('is refused with another tenant, query, range or order', () => {
    const text = writeCursor(cursor, owner);
    for (const place of owner.keys()) {
      const other = owner.with(place, 'other');
      expect(() => readCursor(text, other)).toThrow(/belongs to another search/);
    }
  });

  it('does not mistake one list of parts for another', () => {
    expect(() => readCursor(writeCursor(cursor, ['a', 'bc']), ['ab', 'c'])).toThrow(/belongs to another search/);
  });

  it('is refused where it is not one of ours, whatever it is', () => {
    const forge = (content: unknown) => Buffer.from(JSON.stringify(content)).toString('base64url');
    for (const text of ['', 'x', 'null', forge(null), forge({}), forge([1]), forge([2, 'x', 1, 2, 3, 'id'])]) {
      expect(() => readCursor(text, owner)).toThrow(/not the `next` of an answer/);
    }
    fc.assert(
      fc.property(fc.base64String(), (text) => {
        expect(() => readCursor(text, owner)).toThrow(/`after`/);
      }),
    );
  });
});
